"""Bias + lines + clamp in Triton: the CPU kernels' values, bits and gradients to the bit, and sums near float64's."""

from __future__ import annotations

import itertools
import math

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")
from native_truth import DTYPES, numbers, poisoned, same_bits  # noqa: E402

from leaky.kernels import gpu_bias_act, native, native_bias_act  # noqa: E402
from leaky.kernels.native_bias_act import ONE, RELU, TWO, Lines  # noqa: E402

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

FORMS = [
    Lines(kind, 1.4, lower, clamp)
    for (kind, lower), clamp in itertools.product(((TWO, -0.28), (RELU, 0.0), (ONE, 1.4)), (math.nan, 1.1))
]
# channels next to each other, spread by a power of two, by another number, by more than a block; few and many
COLUMNS = [(700, 3, 1), (70, 64, 1), (2, 4099, 1)]
ROWS = [(3, 10, 2), (3, 8, 16), (5, 6, 7), (2, 2, 513), (1, 3, 4100), (1, 1, 5000)]
MANY = [(1, 300, 16), (1, 500, 9)]  # too many channels for the sums, a program each, in an interpreter


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("lines", FORMS, ids=str)
@pytest.mark.parametrize("shapes", [COLUMNS, ROWS, MANY], ids=["columns", "rows", "many"])
def test_the_cpus_numbers(dtype, lines, shapes, gpu_or_interpreter: str) -> None:
    turn = FORMS.index(lines) + DTYPES.index(dtype)  # every form and dtype meets a shape, together all
    shape = shapes[turn % len(shapes)]
    n, c, s = shape
    count = n * c * s
    x, grad = numbers(count, dtype).view(shape), torch.randn(shape).to(dtype)
    bias = torch.randn(c).to(dtype if turn % 2 else torch.float32)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    found = []
    for kernels, device in ((native_bias_act, "cpu"), (gpu_bias_act, gpu_or_interpreter)):
        there = [t.to(device) for t in (x, grad, bias)]
        bits = torch.full((lines.planes * ((count + 7) // 8),), 255, dtype=torch.uint8, device=device)
        y, grad_x, alone = (poisoned(there[0]) for _ in range(3))
        sums = torch.full((c,), math.nan, dtype=wide, device=device)
        kernels.bias_act_forward(there[0], there[2], y, bits if lines.planes else None, lines, *shape)
        if shapes is not MANY:
            kernels.bias_act_backward(there[1], bits, grad_x, sums, lines, *shape)
        kernels.bias_act_backward(there[1], bits, alone, None, lines, *shape)
        found.append([t.cpu() for t in (y, grad_x, alone, bits, sums)])
    (y, grad_x, plain, bits, _), (ours, of_x, alone, packed, sums) = found
    assert same_bits(ours, y), shape
    assert same_bits(alone, plain), shape
    assert torch.equal(packed, bits), shape
    if shapes is MANY:
        return
    assert same_bits(of_x, grad_x), shape
    if dtype in (torch.float32, torch.float64):
        exact, size = grad_x.double().sum((0, 2)), grad_x.double().abs().sum((0, 2))
        allowed = 8 * torch.finfo(wide).eps * (1 + size)
        assert bool(((sums - exact).abs() <= allowed).all()), shape


def test_without_a_bias_and_of_nothing(gpu_or_interpreter: str) -> None:
    x = numbers(1003, torch.float32).to(gpu_or_interpreter)
    y = poisoned(x)
    gpu_bias_act.bias_act_forward(x, None, y, None, Lines(ONE, 1.0, 1.0), 1, 1003, 1)
    assert same_bits(y.cpu(), x.cpu())
    sums = torch.full((3,), math.nan, device=gpu_or_interpreter)
    gpu_bias_act.bias_act_backward(x[:0], None, None, sums, Lines(ONE, 1.0, 1.0), 0, 3, 5)
    assert sums.tolist() == [0, 0, 0]
