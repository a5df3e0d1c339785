"""Norm + leaky ReLU in Triton, each way, against float64 autograd and the CPU's kernels."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")
from native_truth import DTYPES, OVER, Case, distance, given, numbers, poisoned, same_bits  # noqa: E402

from leaky.kernels import gpu_norms, gpu_walk, native  # noqa: E402

SLOPES = (0.0, 0.01, 1.0, -0.3)
LIMITS = {torch.float32: 2e-5, torch.float64: 1e-11, torch.bfloat16: 4e-2, torch.float16: 6e-3}
VARIANCE = {torch.float64: 5e-14}
Results = dict[str, torch.Tensor]


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several tiles, programs and parts in a tensor that an interpreter is done with soon."""
    monkeypatch.setattr(gpu_norms, "PARTS", 8)
    for name, value in {"TILE": 128, "LANES": 2, "SHARE": 2, "PROGRAMS": 1}.items():
        monkeypatch.setattr(gpu_walk, name, value)


def run(case: Case, device: str) -> tuple[Results, Results]:
    """What the kernels give, buffers poisoned beforehand, and the truth."""
    all_of_it = given(case, torch.Generator().manual_seed(case.seed))
    x, grad = (case.rows(t).to(device) for t in (all_of_it.x, all_of_it.grad))
    weight, bias = all_of_it.weight.to(device), all_of_it.bias.to(device)
    mean, var = all_of_it.mean.to(device), all_of_it.var.to(device)
    if not case.given:
        mean, var = poisoned(mean), poisoned(var)
    before = [t.clone() for t in (x, grad, weight, bias)]
    rest: tuple[Any, ...] = (weight, bias, mean, var) if case.affine else (None, None, mean, var)
    shape = (case.n, case.c, case.s, case.channels_last, case.groups, case.given)
    y, grad_x, grad_weight, grad_bias = poisoned(x), poisoned(x), poisoned(weight), poisoned(bias)
    gpu_norms.norm_act_forward(x, y, *rest, case.eps, case.negative_slope, *shape)
    written = y.clone()
    from_x = case.keep == "all"
    gpu_norms.norm_act_backward(
        grad, None if from_x else y, x if from_x else None, None, grad_x, *rest, grad_weight, grad_bias,
        case.eps, case.negative_slope, *shape,
    )  # fmt: skip
    assert all(torch.equal(t, old) for t, old in zip((x, grad, weight, bias), before, strict=True))
    assert torch.equal(y, written)
    found = {"y": case.back(y), "grad_x": case.back(grad_x), "mean": mean, "var": var}
    found |= {"grad_weight": grad_weight, "grad_bias": grad_bias}
    return {name: t.cpu() for name, t in found.items()}, all_of_it.truth


def held(case: Case, device: str) -> None:
    found, truth = run(case, device)
    apart = (found["mean"] - truth["mean"]).abs() / truth["var"].sqrt()  # in standard deviations
    assert apart.max() < (1e-14 if case.dtype is torch.float64 else 3e-7), case
    for name, wanted in truth.items():
        limit = VARIANCE.get(case.dtype, 5e-7) if name == "var" else LIMITS[case.dtype]
        if name != "mean":
            assert distance(found[name], wanted) < limit, (case, name, distance(found[name], wanted))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("channels_last", [False, True])
def test_against_float64(over: str, channels_last: bool, dtype: Any, gpu_or_interpreter: str) -> None:
    turn = DTYPES.index(dtype) + OVER.index(over)  # every dtype and statistics meet a slope, together all
    slope = SLOPES[turn % len(SLOPES)]
    keep = "none" if slope > 0 and channels_last else "all"
    held(Case(2, 4, 7, slope, channels_last, over, False, keep, dtype), gpu_or_interpreter)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.usefixtures("small_tiles")
def test_many_tiles_programs_and_parts(over: str, channels_last: bool, gpu_or_interpreter: str) -> None:
    keep = "none" if over in ("batch", "pairs") else "all"
    held(Case(2, 3, 300, 0.2, channels_last, over, False, keep), gpu_or_interpreter)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("over", ["batch", "instance"])
def test_given_statistics_without_weights(channels_last: bool, over: str, gpu_or_interpreter: str) -> None:
    held(Case(3, 5, 4, 0.1, channels_last, over, given=True, affine=False), gpu_or_interpreter)


@pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("slope", SLOPES)
def test_the_cpus_bits(dtype: Any, slope: float, gpu_or_interpreter: str) -> None:
    """With the same statistics, at special numbers too."""
    n, c, s = 2, 3, 40
    x = numbers(n * c * s, dtype).view(n, c, s)
    grad = numbers(n * c * s, dtype, seed=3).view(n, c, s).flip(2)
    wide = torch.float64 if dtype is torch.float64 else torch.float32
    vectors = [torch.tensor([0.5, -1.25, 3.0], dtype=wide), torch.tensor([0.1, 0.0, -2.0], dtype=wide)]
    vectors += [torch.tensor([0.0, 0.3, -1.0], dtype=wide), torch.tensor([1.0, 1e-8, 7.0], dtype=wide)]
    rest = (1e-5, slope, n, c, s, False, 0, True)
    found = []
    for where in ("cpu", gpu_or_interpreter):
        there = [t.to(where) for t in (x, grad, *vectors)]
        y, grad_x = poisoned(there[0]), poisoned(there[0])
        if not found:
            native.norm_act_forward(there[0], y, *there[2:], *rest)
            native.norm_act_backward(there[1], None, there[0], None, grad_x, *there[2:], None, None, *rest)
        else:
            gpu_norms.norm_act_forward(there[0], y, *there[2:], *rest)
            gpu_norms.norm_act_backward(there[1], None, there[0], None, grad_x, *there[2:], None, None, *rest)
        found.append((y.cpu(), grad_x.cpu()))
    (y, grad_x), (ours, of_x) = found
    assert same_bits(ours, y)
    assert same_bits(of_x, grad_x)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("channels_last", [False, True])
def test_nan_spreads_over_its_group_only(over: str, channels_last: bool, gpu_or_interpreter: str) -> None:
    x = torch.randn(2, 3, 50)
    x[1, 1, 7] = float("nan")
    case = Case(2, 3, 50, channels_last=channels_last, over=over)
    rows = case.rows(x).to(gpu_or_interpreter)
    y, mean, var = torch.zeros_like(rows), *torch.empty(2, 2 * case.groups or 3, device=rows.device)
    gpu_norms.norm_act_forward(
        rows, y, None, None, mean, var, 1e-5, 0.0, 2, 3, 50, channels_last, case.groups, False
    )
    nan = case.back(y).isnan()
    assert nan[1, 1].all()
    assert int(nan.sum()) == {"batch": 100, "instance": 50, "pairs": 150, "sample": 150}[over]


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("centre", [1e3, 1e5])
def test_far_from_zero_and_with_an_outlier(centre: float, gpu_or_interpreter: str) -> None:
    x = torch.randn(1, 2, 1000, generator=torch.Generator().manual_seed(1)) + centre
    x[0, 1, 0] = 1e4
    wide = x.double().var(2, unbiased=False).flatten()
    there = x.to(gpu_or_interpreter)
    mean, var = torch.empty(2, 2, device=there.device)
    gpu_norms.norm_act_forward(there, None, None, None, mean, var, 1e-5, 1.0, 1, 2, 1000, False, 0, False)
    assert ((var.cpu() - wide) / wide).abs().max() < 1e-6
    torch.testing.assert_close(mean.cpu(), x.double().mean(2).flatten().float(), rtol=1.2e-7, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_running_statistics(dtype: Any, gpu_or_interpreter: str) -> None:
    x = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(1))
    running = [torch.tensor([0.5, 1.0, 2.0], dtype=dtype, device=gpu_or_interpreter) for _ in range(2)]
    wanted = [0.7 * running[0].cpu().double(), 0.7 * running[1].cpu().double()]
    wanted[0] += 0.3 * x.double().mean((0, 2))
    wanted[1] += 0.3 * x.double().var((0, 2))
    mean, var = torch.empty(2, 3, device=gpu_or_interpreter)
    gpu_norms.norm_act_forward(
        x.to(gpu_or_interpreter), None, None, None, mean, var, 1e-5, 0.1, 4, 3, 6, False, 0, False,
        running=(running[0], running[1]), momentum=0.3,
    )  # fmt: skip
    for found, truth in zip(running, wanted, strict=True):
        torch.testing.assert_close(found.cpu(), truth.to(dtype), rtol=2 * torch.finfo(dtype).eps, atol=1e-7)


def test_averages_over_more_than_this_call(gpu_or_interpreter: str) -> None:
    """Two ranks with half of a batch each, given the averages of both, have the gradient of the whole."""
    case = Case(4, 3, 5, 0.1)
    all_of_it = given(case, torch.Generator().manual_seed(0))
    x, grad, weight, bias = (
        t.to(gpu_or_interpreter) for t in (all_of_it.x, all_of_it.grad, all_of_it.weight, all_of_it.bias)
    )
    mean, var = all_of_it.truth["mean"].float().to(x.device), all_of_it.truth["var"].float().to(x.device)
    norm = (weight, bias, mean, var)
    rest = (1e-5, 0.1, 2, 3, 5, False, 0, True)
    halves = list(zip(x.split(2), grad.split(2), strict=True))
    sums = torch.zeros(2, 3, device=x.device)
    for part, back in halves:
        of_weight, of_bias = torch.empty(2, 3, device=x.device)
        gpu_norms.norm_act_backward(back, None, part, None, None, *norm, of_weight, of_bias, *rest)
        sums += torch.stack([of_bias, of_weight])
    averages = (sums[0] / 20, sums[1] / 20)
    found = []
    for part, back in halves:
        grad_x = poisoned(part)
        gpu_norms.norm_act_backward(
            back, None, part, None, grad_x, *norm, None, None, *rest, averages=averages
        )
        found.append(grad_x.cpu())
    assert distance(torch.cat(found), all_of_it.truth["grad_x"]) < 2e-5


def test_in_place_and_of_nothing(gpu_or_interpreter: str) -> None:
    case = Case(2, 3, 6, 0.1)
    x = given(case, torch.Generator().manual_seed(0)).x.to(gpu_or_interpreter)
    mean, var = torch.empty(2, 3, device=x.device)
    rest = (None, None, mean, var, 1e-5, 0.1, 2, 3, 6, False, 0, False)
    y, same = poisoned(x), x.clone()
    gpu_norms.norm_act_forward(x, y, *rest)
    gpu_norms.norm_act_forward(same, same, *rest)
    assert torch.equal(same, y)
    grad, grad_x = torch.randn_like(x), poisoned(x)
    gpu_norms.norm_act_backward(grad, y, None, None, grad_x, *rest[:4], None, None, *rest[4:])
    gpu_norms.norm_act_backward(grad, y, None, None, grad, *rest[:4], None, None, *rest[4:])
    assert torch.equal(grad, grad_x)
    nothing = (1e-5, 0.1, 0, 3, 6, False, 0, False)
    running = (mean.clone(), mean.clone())
    gpu_norms.norm_act_forward(x[:0], y[:0], None, None, mean, var, *nothing, running=running)
    assert mean.tolist() == [0, 0, 0]
    assert all(bool(t.isnan().all()) for t in (var, *running))
    gpu_norms.norm_act_backward(x[:0], None, x[:0], None, x[:0], None, None, mean, var, mean, mean, *nothing)
    assert mean.tolist() == [0, 0, 0]
