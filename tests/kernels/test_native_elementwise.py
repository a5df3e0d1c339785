"""Leaky ReLU and ReLU, element by element: torch's bits, the mask, and backward from it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from native_truth import DTYPES, numbers, poisoned, same_bits, unpacked  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from leaky.errors import ArgumentTypeError  # noqa: E402
from leaky.kernels import native  # noqa: E402

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

SIZES = (0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 1023, 65_537)
SLOPES = (0.01, 0.0, -0.2, 1.0, 2.0)
FORMS = [(slope, False) for slope in SLOPES] + [(0.0, True)]


def _forward(x, slope, relu):
    return torch.relu(x) if relu else F.leaky_relu(x, slope)


def _backward(grad, x, slope, relu):
    if relu:
        return torch.ops.aten.threshold_backward(grad, x, 0)
    return torch.ops.aten.leaky_relu_backward(grad, x, slope, False)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("slope", "relu"), FORMS)
def test_both_ways_give_torchs_bits(dtype, slope, relu) -> None:
    for size in SIZES:
        x, grad = numbers(size, dtype), numbers(size, dtype, seed=1).roll(5)
        kept = x.clone()
        y, mask = poisoned(x), torch.full(((size + 7) // 8 + 1,), 255, dtype=torch.uint8)
        native.leaky_relu_forward(x, y, slope, mask[:-1], relu=relu)
        assert same_bits(y, _forward(x, slope, relu))
        assert torch.equal(unpacked(mask, size), ~(x <= 0) if relu else x > 0)
        assert mask[-1] == 255, "written beyond the mask"
        if size % 8:
            assert int(mask[-2]) >> (size % 8) == 0, "bits beyond the end are 0"
        assert same_bits(x, kept)

        grad_x = poisoned(grad)
        native.leaky_relu_backward(grad, mask, grad_x, slope, relu=relu)
        assert same_bits(grad_x, _backward(grad, x, slope, relu))

        without = poisoned(x)
        native.leaky_relu_forward(x, without, slope, None, relu=relu)
        assert same_bits(without, y)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("slope", "relu"), FORMS)
def test_in_place(dtype, slope, relu) -> None:
    for size in (9, 1023, 65_537):
        x = numbers(size, dtype)
        y, mask = x.clone(), torch.zeros((size + 7) // 8, dtype=torch.uint8)
        native.leaky_relu_forward(y, y, slope, mask, relu=relu)
        assert same_bits(y, _forward(x, slope, relu))
        grad = numbers(size, dtype, seed=2)
        wanted = _backward(grad, x, slope, relu)
        native.leaky_relu_backward(grad, mask, grad, slope, relu=relu)
        assert same_bits(grad, wanted)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_any_alignment_and_nothing_beyond_the_end(dtype) -> None:
    for start in range(1, 9):
        memory, result = numbers(700, dtype), torch.full((700,), 7.0, dtype=dtype)
        masks = torch.full((100,), 255, dtype=torch.uint8)
        x, y = memory[start : start + 515], result[9 - start : 9 - start + 515]
        native.leaky_relu_forward(x, y, 0.1, masks[start : start + 65])
        assert same_bits(y, F.leaky_relu(x, 0.1))
        assert (result[: 9 - start] == 7).all()
        assert (result[9 - start + 515 :] == 7).all()
        assert (masks[:start] == 255).all()
        assert (masks[start + 65 :] == 255).all()
        grad = numbers(515, dtype, seed=3)
        native.leaky_relu_backward(grad, masks[start : start + 65], y, 0.1)
        assert same_bits(y, torch.ops.aten.leaky_relu_backward(grad, x, 0.1, False))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_outputs_beyond_the_caches(dtype) -> None:
    """Written past the caches: the same bits, aligned or not."""
    size = (192 << 20) // dtype.itemsize // 4 + 5
    x = torch.randn(size, dtype=torch.float32).to(dtype)
    for start in (0, 3):
        part, y = x[start:], poisoned(x)[start:]
        mask = torch.zeros((len(part) + 7) // 8, dtype=torch.uint8)
        native.leaky_relu_forward(part, y, 0.01, mask)
        wanted = F.leaky_relu(part, 0.01)
        assert torch.equal(y, wanted)
        y.fill_(7)
        native.leaky_relu_forward(part, y, 0.01, None)
        assert torch.equal(y, wanted)
        native.leaky_relu_backward(part, mask, y, 0.01)
        assert torch.equal(y, wanted)


def test_every_half_precision_number() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        x = torch.arange(-(1 << 15), 1 << 15, dtype=torch.int32).to(torch.int16).view(dtype)
        y = poisoned(x)
        for slope in (0.01, -0.3, 3.0):
            native.leaky_relu_forward(x, y, slope, None)
            wanted = torch.where(x > 0, x.float(), x.float() * torch.tensor(slope)).to(dtype)
            assert same_bits(y, wanted)


def test_what_does_not_fit_is_refused() -> None:
    x = torch.ones(9)
    with pytest.raises(ArgumentTypeError, match=r"`out` must have 9 elements of torch.float32, got 8 of"):
        native.leaky_relu_forward(x, torch.ones(8), 0.1, None)
    with pytest.raises(ArgumentTypeError, match=r"`out` must have .* got 9 of torch.float64$"):
        native.leaky_relu_forward(x, torch.ones(9, dtype=torch.float64), 0.1, None)
    with pytest.raises(ArgumentTypeError, match=r"dtype must be float32, .*, got torch.int32$"):
        native.leaky_relu_forward(x.int(), x.int(), 0.1, None)
