"""RReLU in Triton draws what the CPU draws: values, bits and gradients to the bit, from the same seed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")
from native_truth import DTYPES, numbers, poisoned, same_bits  # noqa: E402

from leaky.kernels import gpu_layers, native, native_layers  # noqa: E402

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("divide", [False, True])
@pytest.mark.parametrize(("count", "seed"), [(1, 0), (33, 2**40 + 3), (4097, 2**63 - 1), (9000, -5)])
def test_the_cpus_draws(dtype, divide: bool, count: int, seed: int, gpu_or_interpreter: str) -> None:
    low, high = (3.0, 8.0) if divide else (1 / 8, 1 / 3)
    x, grad = numbers(count, dtype), torch.randn(count).to(dtype)
    found = []
    for kernels, device in ((native_layers, "cpu"), (gpu_layers, gpu_or_interpreter)):
        there, back = x.to(device), grad.to(device)
        y, grad_x, alone = (poisoned(there) for _ in range(3))
        bits = torch.zeros((count + 7) // 8, dtype=torch.uint8, device=device)
        key = torch.tensor(seed, device=device)
        kernels.rrelu_forward(there, y, low, high, key, bits, divide=divide)
        kernels.rrelu_forward(there, alone, low, high, key, None, divide=divide)
        kernels.rrelu_backward(back, bits, grad_x, low, high, key, divide=divide)
        found.append([t.cpu() for t in (y, grad_x, alone, bits)])
    (y, grad_x, _, bits), (ours, of_x, alone, packed) = found
    assert same_bits(ours, y)
    assert same_bits(alone, y)
    assert same_bits(of_x, grad_x)
    assert torch.equal(packed, bits)
