"""PReLU and softplus in Triton: the CPU kernels' numbers, and sums near float64's."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")
from native_truth import DTYPES, numbers, poisoned, same_bits  # noqa: E402

from leaky.kernels import gpu_layers, gpu_walk, native, native_layers  # noqa: E402

needs_native = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")


@needs_native
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("shape", "channels_last"), [((2, 3, 40), False), ((2, 5, 9), True), ((1, 1, 97), False)]
)
def test_prelu_has_the_cpus_numbers(
    shape: tuple[int, int, int],
    channels_last: bool,
    dtype: Any,
    gpu_or_interpreter: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"TILE": 32, "LANES": 2, "SHARE": 2, "PROGRAMS": 1}.items():
        monkeypatch.setattr(gpu_walk, name, value)
    n, c, s = shape
    wide = torch.float64 if dtype is torch.float64 else torch.float32
    x, grad = numbers(n * c * s, dtype), torch.randn(n * c * s).to(dtype)
    slopes = torch.tensor([0.25, -1.5, 0.0, 3.0, 1e-3], dtype=wide)[:c]
    found = []
    for kernels, device in ((native_layers, "cpu"), (gpu_layers, gpu_or_interpreter)):
        there, back, own = (t.to(device) for t in (x, grad, slopes))
        y, grad_x = poisoned(there), poisoned(there)
        sums = torch.full((c,), torch.nan, dtype=torch.float64, device=device)
        kernels.prelu_forward(there, y, own, *shape, channels_last)
        kernels.prelu_backward(back, None, there, None, grad_x, sums, own, *shape, channels_last)
        found.append([t.cpu() for t in (y, grad_x, sums)])
    (y, grad_x, _), (ours, of_x, _) = found
    assert same_bits(ours, y)
    assert same_bits(of_x, grad_x)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("from_x", [False, True])
def test_slopes_of_prelu_learn(
    dtype: Any, channels_last: bool, from_x: bool, gpu_or_interpreter: str
) -> None:
    n, c, s = 3, 4, 33
    wide = torch.float64 if dtype is torch.float64 else torch.float32
    rows = (n, s, c) if channels_last else (n, c, s)
    x, grad = (torch.randn(rows).to(dtype).to(gpu_or_interpreter) for _ in range(2))
    slopes = torch.tensor([0.25, 0.5, 1.0, 2.0], dtype=wide, device=gpu_or_interpreter)
    y, grad_x = poisoned(x), poisoned(x)
    sums = torch.full((c,), torch.nan, dtype=torch.float64, device=gpu_or_interpreter)
    gpu_layers.prelu_forward(x, y, slopes, n, c, s, channels_last)
    kept = (None, x) if from_x else (y, None)
    gpu_layers.prelu_backward(grad, *kept, None, grad_x, sums, slopes, n, c, s, channels_last)
    over = (0, 1) if channels_last else (0, 2)
    terms = torch.where(x > 0, 0.0, grad.double() * x.double())
    allowed = 4 * torch.finfo(wide if from_x else dtype).eps * terms.abs().sum(over)
    assert bool(((sums - terms.sum(over)).abs() <= allowed).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(("beta", "threshold"), [(1.0, 20.0), (-2.0, 40.0)])
def test_softplus_backward(dtype: Any, beta: float, threshold: float, gpu_or_interpreter: str) -> None:
    some = [0.0, torch.nan, torch.inf, 1e-40, 1e-7, 1e-3, 0.2499, 0.25, 0.499, 0.5, 19.9, 20.1, 40.0]
    x = torch.cat([torch.tensor(some), torch.logspace(-8, 1.5, 5000)]).to(dtype)
    y = x / (1 if beta > 0 else -1)
    grad = torch.randn(len(x), generator=torch.Generator().manual_seed(0)).to(dtype)
    grad[1] = 1
    there = grad.to(gpu_or_interpreter)
    out = poisoned(there)
    gpu_layers.softplus_backward(there, y.to(gpu_or_interpreter), out, beta, threshold)
    scaled = y.double() * beta
    wanted = grad.double() * torch.where(scaled > threshold, 1.0, -torch.expm1(-scaled))
    info = torch.finfo(dtype)
    allowed = max(2 * info.eps, 4e-7) * wanted.abs() + info.tiny * info.eps
    assert bool((((out.cpu() - wanted).abs() <= allowed) | wanted.isnan()).all())
    assert torch.equal(out.cpu().isnan(), wanted.isnan())


def test_of_nothing(gpu_or_interpreter: str) -> None:
    nothing, slopes = torch.empty(0, device=gpu_or_interpreter), torch.ones(3, device=gpu_or_interpreter)
    sums = torch.full((3,), torch.nan, dtype=torch.float64, device=gpu_or_interpreter)
    gpu_layers.prelu_forward(nothing, nothing, slopes, 0, 3, 5, False)
    gpu_layers.prelu_backward(nothing, None, nothing, None, nothing, sums, slopes, 0, 3, 5, False)
    gpu_layers.softplus_backward(nothing, nothing, nothing, 1.0, 20.0)
    assert sums.tolist() == [0, 0, 0]
