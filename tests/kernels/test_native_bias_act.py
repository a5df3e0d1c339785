"""Bias + lines + clamp: value and bits to the bit, gradients, sums that do not depend on the threads."""

from __future__ import annotations

import itertools
import math

import pytest

torch = pytest.importorskip("torch")
from native_truth import DTYPES, numbers, poisoned, same_bits, unpacked  # noqa: E402

from leaky.errors import ArgumentTypeError  # noqa: E402
from leaky.kernels import native  # noqa: E402
from leaky.kernels.native_bias_act import (  # noqa: E402
    ONE,
    RELU,
    TWO,
    Lines,
    bias_act_backward,
    bias_act_forward,
)

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

NONE = math.nan
FORMS = [
    Lines(kind, 1.4, lower, clamp)
    for (kind, lower), clamp in itertools.product(
        ((TWO, 0.28), (TWO, -0.3), (RELU, 0.0), (ONE, 1.4)), (NONE, 1.1)
    )
]
# a period of few elements, of some, beyond a chunk; runs, short, long and beyond a task; one channel
SHAPES = [
    (9, 3, 1),
    (700, 3, 1),
    (5, 6, 7),
    (4, 37, 13),
    (2, 300, 9),
    (3, 2, 513),
    (1, 2, 40_001),
    (2, 1, 99),
]
SHAPES += [(2, 9000, 2), (3, 150, 65)]
HALF = (torch.bfloat16, torch.float16)


def _wide(dtype):
    return torch.float64 if dtype == torch.float64 else torch.float32


def _truth(x, bias, lines):
    """y rounded once, and the planes, by torch's operations in the precision of the kernels."""
    wide = _wide(x.dtype)
    z = x.to(wide) + bias.to(wide).view(1, -1, 1)
    y = z * lines.upper
    side = torch.ones_like(z, dtype=torch.bool)
    if lines.kind == TWO:
        y, side = torch.where(z > 0, y, z * lines.lower), z > 0
    elif lines.kind == RELU:
        y, side = torch.where(z <= 0, torch.zeros_like(z), y), ~(z <= 0)
    if math.isnan(lines.clamp):
        return y.to(x.dtype), [side] if lines.kind != ONE else []
    limit = torch.tensor(lines.clamp, dtype=wide)
    inside = ~(y.abs() >= limit)
    y = torch.where(inside, y, limit * y.sign())
    return y.to(x.dtype), [side, inside] if lines.kind == TWO else [side & inside]


def _grad(grad, planes, lines):
    """The gradient of x before it is rounded."""
    wide = grad.to(_wide(grad.dtype))
    result, zero = wide * lines.upper, torch.zeros_like(wide)
    if planes:
        result = torch.where(planes[0], result, wide * lines.lower if lines.kind == TWO else zero)
    return torch.where(planes[1], result, zero) if len(planes) > 1 else result


def _count(shape):
    return shape[0] * shape[1] * shape[2]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("lines", FORMS, ids=str)
def test_value_bits_and_gradients(dtype, lines) -> None:
    for shape in SHAPES:
        count = _count(shape)
        x, bias = numbers(count, dtype).view(shape), torch.randn(shape[1]).to(dtype)
        y = poisoned(x)
        size = (count + 7) // 8
        bits = torch.full((lines.planes * size + 1,), 255, dtype=torch.uint8)
        bias_act_forward(x, bias, y, bits[:-1] if lines.planes else None, lines, *shape)
        wanted, planes = _truth(x, bias, lines)
        assert same_bits(y, wanted), shape
        assert bits[-1] == 255, "written beyond the bits"
        assert len(planes) == lines.planes
        for number, plane in enumerate(planes):
            packed = bits[number * size : (number + 1) * size]
            assert torch.equal(unpacked(packed, count), plane.flatten()), shape
            assert not count % 8 or int(packed[-1]) >> (count % 8) == 0, "bits beyond the end are 0"

        without = poisoned(x)
        bias_act_forward(x, bias, without, None, lines, *shape)
        assert same_bits(without, y)

        grad = torch.randn(shape).to(dtype)
        grad_x, grad_bias = poisoned(grad), torch.full((shape[1],), math.nan, dtype=_wide(dtype))
        bias_act_backward(grad, bits[:-1], grad_x, grad_bias, lines, *shape)
        wide = _grad(grad, planes, lines)
        assert same_bits(grad_x, wide.to(dtype)), shape
        exact = wide.double().sum((0, 2))
        allowed = 4 * torch.finfo(grad_bias.dtype).eps * (1 + wide.double().abs().sum((0, 2)))
        assert bool(((grad_bias - exact).abs() <= allowed).all()), shape

        again = torch.full_like(grad_bias, math.nan)
        bias_act_backward(grad, bits[:-1], None, again, lines, *shape)
        assert torch.equal(again, grad_bias)
        alone = poisoned(grad)
        bias_act_backward(grad, bits[:-1], alone, None, lines, *shape)
        assert same_bits(alone, grad_x)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_no_bias_leaves_every_number_as_it_is(dtype) -> None:
    x = numbers(1003, dtype)
    y = poisoned(x)
    bias_act_forward(x, None, y, None, Lines(ONE, 1.0, 1.0), 1, 1003, 1)
    assert same_bits(y, x)


def test_a_bias_of_another_dtype() -> None:
    x, bias = torch.randn(4, 6, 40).bfloat16(), torch.randn(6)
    for other in (bias, bias.double(), bias.half(), bias.bfloat16()):
        y = poisoned(x)
        bias_act_forward(x, other, y, None, Lines(TWO, 1.0, 0.2), 4, 6, 40)
        assert same_bits(y, _truth(x, other, Lines(TWO, 1.0, 0.2))[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_in_place_and_unaligned(dtype) -> None:
    lines = Lines(TWO, 1.4, 0.28, 1.1)
    for shape in ((2, 3, 700), (300, 7, 1)):
        count = _count(shape)
        for start in (0, 1, 3):
            memory = numbers(count + 8, dtype)
            x = memory[start : start + count].view(shape)
            kept = x.clone()
            bias = torch.randn(shape[1]).to(dtype)
            bits = torch.zeros(2 * ((count + 7) // 8), dtype=torch.uint8)
            bias_act_forward(x, bias, x, bits, lines, *shape)
            wanted, planes = _truth(kept, bias, lines)
            assert same_bits(x, wanted)
            grad = torch.randn(shape).to(dtype)
            expected = _grad(grad, planes, lines).to(dtype)
            bias_act_backward(grad, bits, grad, None, lines, *shape)
            assert same_bits(grad, expected)


@pytest.mark.parametrize("shape", [(2, 64, 40_000), (300_000, 3, 1), (40, 512, 16), (1, 70_000, 3)])
def test_the_number_of_threads_changes_nothing(shape) -> None:
    lines = Lines(TWO, 1.4, 0.28, 1.1)
    x, bias, grad = torch.randn(shape), torch.randn(shape[1]), torch.randn(shape)
    results = []
    for threads in (1, 2, 5):
        y, grad_x, grad_bias = poisoned(x), poisoned(x), poisoned(bias)
        bits = torch.zeros(2 * ((x.numel() + 7) // 8), dtype=torch.uint8)
        bias_act_forward(x, bias, y, bits, lines, *shape, threads=threads)
        bias_act_backward(grad, bits, grad_x, grad_bias, lines, *shape, threads=threads)
        results.append((y, bits, grad_x, grad_bias))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_outputs_beyond_the_caches() -> None:
    """Written past the caches: the same bits."""
    shape = (3, 7, (64 << 20) // 21 // 4 + 3)
    lines = Lines(TWO, 1.4, 0.28, 1.1)
    x, bias = torch.randn(shape), torch.randn(7)
    bits = torch.zeros(2 * ((x.numel() + 7) // 8), dtype=torch.uint8)
    y, grad_x, grad_bias = poisoned(x), poisoned(x), poisoned(bias)
    bias_act_forward(x, bias, y, bits, lines, *shape)
    wanted, planes = _truth(x, bias, lines)
    assert torch.equal(y, wanted)
    bias_act_backward(x, bits, grad_x, grad_bias, lines, *shape)
    assert torch.equal(grad_x, _grad(x, planes, lines))


def test_sums_of_nothing_are_zero() -> None:
    nothing = torch.empty(0)
    grad_bias = torch.full((5,), math.nan)
    bias_act_backward(nothing, None, None, grad_bias, Lines(ONE, 1.0, 1.0), 0, 5, 3)
    assert torch.equal(grad_bias, torch.zeros(5))


def test_what_does_not_fit_is_refused() -> None:
    x, lines = torch.ones(6), Lines(TWO, 1.0, 0.2)
    with pytest.raises(ArgumentTypeError, match=r"n \* c \* s must be 6, got 8"):
        bias_act_forward(x, None, x, None, lines, 2, 2, 2)
    with pytest.raises(ArgumentTypeError, match=r"`out` must have 6 elements of torch.float32, got 5 of"):
        bias_act_forward(x, None, torch.ones(5), None, lines, 6, 1, 1)
    with pytest.raises(ValueError, match="planes: not what this call keeps"):
        bias_act_backward(x, None, x, None, lines, 6, 1, 1)
