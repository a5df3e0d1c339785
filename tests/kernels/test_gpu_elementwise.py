"""The element-wise kernels in Triton: the numbers and the bits of a plain formula, and nothing written beside."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from leaky.kernels import gpu  # noqa: E402

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
SLOPES = [0.01, -0.3, 3.0, 0.0]
SIZES = [*range(71), 4095, 4096, 4097, 8191, 12289]
PADDING = 32


def special(dtype: torch.dtype) -> torch.Tensor:
    """NaN and, of both signs, infinity, zero, subnormal numbers, the smallest, the largest and some others."""
    info = torch.finfo(dtype)
    sizes = [math.inf, 0.0, info.tiny * info.eps, info.tiny / 2, info.tiny, 0.3, 1.0, info.max / 2, info.max]
    numbers = torch.tensor([math.nan, *sizes, *(-size for size in sizes)], dtype=torch.float64).to(dtype)
    return torch.cat([numbers, torch.randn(101, generator=torch.Generator().manual_seed(0)).to(dtype)])


def packed(upper: torch.Tensor) -> torch.Tensor:
    bits = torch.nn.functional.pad(upper.to(torch.uint8), (0, -len(upper) % 8)).view(-1, 8)
    return (bits << torch.arange(8, dtype=torch.uint8)).sum(1, dtype=torch.uint8)


def same(found: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Equal to the bit, any NaN equal to any other."""
    whole = {2: torch.int16, 4: torch.int32, 8: torch.int64}[wanted.dtype.itemsize]
    found = found.cpu()
    return found.dtype == wanted.dtype and bool(
        ((found.isnan() & wanted.isnan()) | (found.view(whole) == wanted.view(whole))).all()
    )


class Padded:
    """A tensor inside a larger one, `offset` elements from an aligned address."""

    def __init__(self, values: torch.Tensor, device: str, offset: int) -> None:
        mark = torch.finfo(values.dtype).max if values.is_floating_point() else 0xA5
        self.all = torch.full((len(values) + PADDING,), mark, dtype=values.dtype, device=device)
        self.inner = self.all[offset : offset + len(values)]
        self.inner.copy_(values)
        self.mark, self.offset = mark, offset

    def untouched(self) -> bool:
        rest = torch.cat([self.all[: self.offset], self.all[self.offset + len(self.inner) :]])
        return bool((rest == self.mark).all())


def wanted(
    x: torch.Tensor, grad: torch.Tensor, slope: float, relu: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Value, bits and gradient: computed in float64 with the slope of the compute dtype, and rounded once."""
    compute = torch.float64 if x.dtype == torch.float64 else torch.float32
    factor = torch.tensor(slope, dtype=compute).double()
    if relu:
        upper, lower, below = ~(x <= 0), torch.where(x < 0, 0.0, x.double()), torch.zeros(len(x)).double()
    else:
        upper, lower, below = x > 0, x.double() * factor, grad.double() * factor
    narrow = (lambda t: t.to(compute).to(x.dtype)) if x.dtype.itemsize == 2 else (lambda t: t.to(x.dtype))
    value = torch.where(upper, x, narrow(lower))
    return value, packed(upper), torch.where(upper, grad, narrow(below))


def held(x: torch.Tensor, grad: torch.Tensor, slope: float, relu: bool, device: str, offset: int) -> None:
    value, bits, gradient = wanted(x, grad, slope, relu)
    for inplace in (False, True):
        source = Padded(x, device, offset)
        out = source if inplace else Padded(torch.zeros_like(x), device, offset)
        mask = Padded(torch.zeros_like(bits), device, 0)
        gpu.leaky_relu_forward(source.inner, out.inner, slope, mask.inner, relu=relu)
        assert same(out.inner, value)
        assert torch.equal(mask.inner.cpu(), bits)
        given = Padded(grad, device, offset)
        result = given if inplace else Padded(torch.zeros_like(grad), device, offset)
        gpu.leaky_relu_backward(given.inner, mask.inner, result.inner, slope, relu=relu)
        assert same(result.inner, gradient)
        assert all(padded.untouched() for padded in (source, out, mask, given, result))


@every_dtype
@pytest.mark.parametrize("slope", [*SLOPES, None])
def test_every_special_number_with_every_other(
    dtype: torch.dtype, slope: float | None, gpu_or_interpreter: str
) -> None:
    x = special(dtype)
    held(x.repeat_interleave(len(x)), x.repeat(len(x)), slope or 0.0, slope is None, gpu_or_interpreter, 0)


@every_dtype
@pytest.mark.parametrize("relu", [False, True])
def test_sizes_and_addresses(dtype: torch.dtype, relu: bool, gpu_or_interpreter: str) -> None:
    for size in SIZES:
        x, grad = (
            torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(dtype) for seed in (1, 2)
        )
        for offset in (0, 3) if size in (7, 4097) else (size % 4,):
            held(x, grad, 0.1, relu, gpu_or_interpreter, offset)


@every_dtype
def test_without_bits(dtype: torch.dtype, gpu_or_interpreter: str) -> None:
    x = special(dtype).to(gpu_or_interpreter)
    out = torch.empty_like(x)
    gpu.leaky_relu_forward(x, out, 0.2, None)
    assert same(out, wanted(x.cpu(), x.cpu(), 0.2, False)[0])


def test_where_triton_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert gpu.why_not(torch.ones(1)) == "Triton runs on CPU tensors with TRITON_INTERPRET=1 alone"
    assert gpu.why_not(torch.ones(1, device="meta")) == "Triton's kernels here are for CUDA devices, not meta"
    monkeypatch.setattr("leaky.kernels.gpu.available", lambda: False)
    assert gpu.why_not(torch.ones(1)) == "Triton is not installed: pip install 'leaky[gpu]'"
