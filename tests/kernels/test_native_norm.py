"""Norm + leaky ReLU in one kernel each way, against float64 autograd."""

from __future__ import annotations

import itertools
import math

import pytest

torch = pytest.importorskip("torch")
from native_truth import DTYPES, OVER, Case, distance, groups_of, poisoned, run  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from leaky.errors import ArgumentTypeError  # noqa: E402
from leaky.kernels import native  # noqa: E402

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

SHAPES = [
    (2, 3, 5),
    (3, 5, 49),
    (4, 33, 64),
    (5, 7, 2047),
    (3, 40, 4097),
    (1, 2, 70_001),
    (64, 6, 16),
    (6, 65, 1),
]
# A weight's gradient is a sum over values of y, each rounded: its distance is that of y times what undoing costs.
LIMITS = {torch.float32: 2e-5, torch.float64: 1e-11, torch.bfloat16: 4e-2, torch.float16: 6e-3}
VARIANCE = {torch.float64: 5e-14}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("channels_last", [False, True])
def test_against_float64(shape, over, channels_last, dtype) -> None:
    for slope, given, keep in itertools.product(
        (0.0, 0.01, 0.2, 1.0), (False, True), ("none", "some", "all")
    ):
        if keep != "all" and slope == 0:
            continue  # ReLU has no inverse
        groups = groups_of(over, shape[1])
        if given and groups not in (0, shape[1]):
            continue  # only norms of channels have running statistics
        if not given and math.prod(shape) // (shape[0] * groups or shape[1]) < 5:
            continue
        case = Case(*shape, slope, channels_last, over, given, keep, dtype, threads=2, seed=sum(shape))
        found, truth = run(case)
        apart = (found["mean"] - truth["mean"]).abs() / truth["var"].sqrt()  # in standard deviations
        assert apart.max() < (1e-14 if dtype is torch.float64 else 3e-7), case
        for name, wanted in truth.items():
            if name == "mean":
                continue
            limit = VARIANCE.get(dtype, 5e-7) if name == "var" else LIMITS[dtype]
            assert distance(found[name], wanted) < limit, (case, name, distance(found[name], wanted))


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("channels_last", [False, True])
def test_without_weight_and_bias(channels_last, over) -> None:
    found, truth = run(Case(3, 6, 77, 0.1, channels_last, over, affine=False))
    for name, wanted in truth.items():
        assert distance(found[name], wanted) < 1e-5, name


@pytest.mark.parametrize("weight_dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_weights_of_another_dtype(weight_dtype) -> None:
    x = torch.randn(2, 4, 50).bfloat16()
    weight, bias = torch.tensor([1.0, -0.5, 2.0, 0.25]), torch.tensor([0.5, 0.0, -1.0, 0.25])
    results = []
    for dtype in (torch.float32, weight_dtype):
        y, mean, var = poisoned(x), torch.empty(4), torch.empty(4)
        native.norm_act_forward(
            x, y, weight.to(dtype), bias.to(dtype), mean, var, 1e-5, 0.1, 2, 4, 50, False, 0, False
        )
        results.append(y)
    assert torch.equal(*results)


@pytest.mark.parametrize("centre", [0.0, 1e3, 1e5])
@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("channels_last", [False, True])
def test_no_less_accurate_than_torch_far_from_zero(channels_last, over, centre) -> None:
    n, c, s = 4, 6, 5000
    x = torch.randn(n, c, s, generator=torch.Generator().manual_seed(1)) + centre
    groups = groups_of(over, c)
    wide = x.double().view(n, groups or c, -1, s)
    dims = (2, 3) if groups else (0, 2, 3)
    exact, centres = wide.var(dims, unbiased=False, keepdim=True), wide.mean(dims, keepdim=True)
    truth = ((wide - centres) / (exact + 1e-5).sqrt()).view_as(x)
    theirs = F.group_norm(x, groups) if groups else F.batch_norm(x, None, None, None, None, True)
    rows = x.transpose(1, 2).contiguous() if channels_last else x
    y = poisoned(rows)
    mean, var = torch.empty(n * groups or c), torch.empty(n * groups or c)
    native.norm_act_forward(rows, y, None, None, mean, var, 1e-5, 1.0, n, c, s, channels_last, groups, False)
    ours = y.transpose(1, 2) if channels_last else y
    assert (ours - truth).abs().max() <= 1.05 * (theirs - truth).abs().max() + 1e-7
    exact = exact.flatten()
    assert ((var - exact) / exact).abs().max() < 1e-6
    torch.testing.assert_close(mean, centres.flatten().float(), rtol=1.2e-7, atol=1e-7)


def test_an_outlier_does_not_spoil_the_variance() -> None:
    x = torch.randn(1, 1, 100_000, generator=torch.Generator().manual_seed(1))
    x[0, 0, 0] = 1e4
    mean, var = torch.empty(1), torch.empty(1)
    native.norm_act_forward(x, poisoned(x), None, None, mean, var, 1e-5, 1.0, 1, 1, 100_000, False, 0, False)
    assert var.item() == pytest.approx(x.double().var(unbiased=False).item(), rel=1e-6)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("over", OVER)
def test_in_place(channels_last, over) -> None:
    case = Case(3, 33, 130, channels_last=channels_last, over=over)
    x = case.rows(torch.randn(3, 33, 130))
    count = 3 * case.groups or 33
    w, b = torch.rand(33) + 0.5, torch.randn(33)
    shape = (3, 33, 130, channels_last, case.groups, False)
    y, mean, var = poisoned(x), torch.empty(count), torch.empty(count)
    native.norm_act_forward(x, y, w, b, mean, var, 1e-5, 0.1, *shape)
    same = x.clone()
    native.norm_act_forward(same, same, w, b, mean, var, 1e-5, 0.1, *shape)
    assert torch.equal(same, y)
    grad, grad_x = torch.randn_like(x), poisoned(x)
    native.norm_act_backward(grad, y, None, None, grad_x, w, b, mean, var, None, None, 1e-5, 0.1, *shape)
    native.norm_act_backward(grad, y, None, None, grad, w, b, mean, var, None, None, 1e-5, 0.1, *shape)
    assert torch.equal(grad, grad_x)


@pytest.mark.parametrize("channels_last", [False, True])
def test_given_statistics_may_be_per_channel_for_instances_too(channels_last) -> None:
    case = Case(3, 5, 40, 0.1, channels_last, given=True)
    x = case.rows(torch.randn(3, 5, 40))
    mean, var, results = torch.randn(5), torch.rand(5) + 0.5, []
    for groups in (0, 5):
        y = poisoned(x)
        shape = (3, 5, 40, channels_last, groups, True)
        native.norm_act_forward(x, y, None, None, mean, var, 1e-5, 0.1, *shape)
        results.append(y)
    assert torch.equal(*results)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("shape", [(4, 33, 640), (2, 3, 70_001), (2, 1, 200_000)], ids=str)
def test_bits_do_not_depend_on_the_number_of_threads(shape, channels_last, over) -> None:
    case = Case(*shape, channels_last=channels_last, over=over, keep="some")
    one = run(case.with_(threads=1))[0]
    for threads in (2, 3, 8):
        found = run(case.with_(threads=threads))[0]
        assert all(torch.equal(found[name], one[name]) for name in one)


def test_a_zero_weight_learns_from_the_kept_input() -> None:
    x, grad = torch.randn(4, 2, 100), torch.randn(4, 2, 100)
    weight, bias = torch.tensor([0.0, 1.0]), torch.tensor([0.3, 0.1])
    mean, var, y = torch.empty(2), torch.empty(2), poisoned(x)
    shape = (4, 2, 100, False, 0, False)
    native.norm_act_forward(x, y, weight, bias, mean, var, 1e-5, 0.1, *shape)
    grad_x, grad_weight, grad_bias = poisoned(x), torch.empty(2), torch.empty(2)
    native.norm_act_backward(
        grad, y, x[:, :1].contiguous(), torch.tensor([0, -1]), grad_x, weight, bias, mean, var,
        grad_weight, grad_bias, 1e-5, 0.1, *shape,
    )  # fmt: skip
    leaf = weight.double().requires_grad_()
    F.leaky_relu(F.batch_norm(x.double(), None, None, leaf, bias.double(), True), 0.1).backward(grad.double())
    torch.testing.assert_close(grad_weight.double(), leaf.grad, rtol=1e-5, atol=1e-5)
    assert (grad_x[:, 0] == 0).all()


def test_nan_spreads_over_its_group_only() -> None:
    x = torch.randn(2, 3, 50)
    x[1, 1, 7] = float("nan")
    for channels_last, over in itertools.product((False, True), OVER):
        case = Case(2, 3, 50, channels_last=channels_last)
        rows = case.rows(x)
        y, mean, var = torch.zeros_like(rows), torch.empty(6), torch.empty(6)
        native.norm_act_forward(
            rows, y, None, None, mean, var, 1e-5, 0.0, 2, 3, 50, channels_last, groups_of(over, 3), False
        )
        nan = case.back(y).isnan()
        assert nan[1, 1].all()
        assert int(nan.sum()) == {"batch": 100, "instance": 50, "pairs": 150, "sample": 150}[over]


def test_weight_and_bias_of_two_dtypes_are_refused() -> None:
    x, v = torch.randn(1, 2, 3), torch.ones(2)
    with pytest.raises(ArgumentTypeError, match="`weight` and `bias` must share a dtype"):
        native.norm_act_forward(x, x, v, v.double(), v, v, 1e-5, 0.1, 1, 2, 3, False, 0, False)


def test_nothing_to_do() -> None:
    empty, v = torch.empty(0, 2, 3), torch.ones(2)
    native.norm_act_forward(empty, empty, v, v, v, v, 1e-5, 0.1, 0, 2, 3, False, 0, False)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_statistics_where_the_mean_moves_within_a_channel(dtype, over) -> None:
    """Blocks are read once, by distances from the mean of the block before, and again where that is far."""
    groups, length = groups_of(over, 4), 70_001
    noise = torch.randn(1, 4, length, generator=torch.Generator().manual_seed(0))
    place = torch.arange(length)
    moved = {
        "a step": (place > 10_000) * 300.0,
        "steps": (place // 1000 % 2) * 300.0,
        "a ramp": place / 500,
        "constant at last": torch.where(place < 5000, 1.0, 0.0),
    }
    for what, centre in moved.items():
        x = (noise * (place < 40_000 if what == "constant at last" else 1) + centre).to(dtype)
        wide = torch.float64 if dtype is torch.float64 else torch.float32
        mean, var = torch.empty(groups or 4, dtype=wide), torch.empty(groups or 4, dtype=wide)
        native.norm_act_forward(x, None, None, None, mean, var, 1e-5, 0.1, 1, 4, length, False, groups, False)
        rows = x.double().view(groups or 4, -1)
        limit = 1e-13 if dtype is torch.float64 else 5e-7
        wanted = (rows - rows.mean(1, keepdim=True)).square().mean(1)  # torch's own var is off by 1e-12
        assert ((mean - rows.mean(1)).abs() / wanted.sqrt()).max() < limit, what
        assert ((var - wanted).abs() / wanted).max() < limit, what


def test_constant_numbers_have_no_variance_and_one_infinity_spoils_its_own() -> None:
    x = torch.full((1, 2, 9000), 3.3)
    x[0, 1, 2500] = math.inf
    mean, var = torch.empty(2), torch.empty(2)
    native.norm_act_forward(x, None, None, None, mean, var, 1e-5, 0.1, 1, 2, 9000, False, 0, False)
    assert mean[0] == x[0, 0, 0]
    assert var[0] == 0
    assert var[1].isnan()
