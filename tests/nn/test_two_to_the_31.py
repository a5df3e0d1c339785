"""More elements than a 32-bit number counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from twins import needs_native

import leaky

COUNT = 2**31 + 24
PERIOD = 8191  # prime: an index that has wrapped around reads another number
CHUNK = PERIOD << 11


def available_gibibytes() -> float:
    for line in Path("/proc/meminfo").read_text().splitlines() if Path("/proc/meminfo").exists() else ():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) / 2**20
    return 0.0


# Slow: half a minute and 13 GiB, as input, output and gradient are 4 GiB each in bfloat16, twice that in float32.
pytestmark = [
    pytest.mark.slow,
    needs_native,
    pytest.mark.skipif(available_gibibytes() < 15, reason="needs 15 GiB of free memory"),
]


@pytest.fixture(autouse=True)
def all_threads_and_plain_memory(one_thread: None) -> Iterator[None]:
    """Filling 4 GiB with NaN again and again would take longer than what is tested."""
    torch.set_num_threads(torch.multiprocessing.cpu_count())
    torch.utils.deterministic.fill_uninitialized_memory = False
    yield
    torch.utils.deterministic.fill_uninitialized_memory = True


def numbers() -> torch.Tensor:
    """The same 8,191 numbers again and again."""
    few = torch.randn(PERIOD, generator=torch.Generator().manual_seed(0)).bfloat16()
    x = torch.empty(COUNT, dtype=torch.bfloat16)
    for part in x.split(CHUNK):
        part.copy_(few.repeat(CHUNK // PERIOD)[: len(part)])
    return x


def repeated(few: torch.Tensor) -> torch.Tensor:
    return few.detach().flatten().float().repeat(CHUNK // PERIOD)


def test_leaky_relu() -> None:
    x = numbers().requires_grad_()
    few = x.detach()[:CHUNK].clone()
    y = leaky.nn.functional.leaky_relu(x, -0.3)
    wanted = F.leaky_relu(few, -0.3)
    assert all(torch.equal(part, wanted[: len(part)]) for part in y.detach().split(CHUNK))
    (gradient,) = torch.autograd.grad(
        y, x, y.detach()
    )  # numbers of every sign and size that are already there
    expected = torch.ops.aten.leaky_relu_backward(wanted, few, -0.3, False)
    assert all(torch.equal(part, expected[: len(part)]) for part in gradient.split(CHUNK))


def test_norm_and_activation() -> None:
    """One channel: statistics and gradients are those of a period, in float64; weight and bias add up more."""
    x = numbers().view(1, 1, -1).requires_grad_()
    layer = leaky.nn.BatchNormAct1d(1, activation="leaky_relu(negative_slope=0.1)")
    y = layer(x)
    gradients = torch.autograd.grad(y, [x, layer.weight, layer.bias], x.detach())
    few = x.detach()[..., :PERIOD].double().requires_grad_()
    weight, bias = (p.detach().double().requires_grad_() for p in layer.parameters())
    truth = F.leaky_relu(F.batch_norm(few, None, None, weight, bias, True, 0.1, layer.eps), 0.1)
    expected = torch.autograd.grad(truth, [few, weight, bias], few.detach())
    for found, wanted in ((y.detach(), repeated(truth)), (gradients[0], repeated(expected[0]))):
        for part in found.flatten().split(CHUNK):
            assert (part.float() - wanted[: len(part)]).abs().max() < 2e-2
    for one, other in zip(gradients[1:], expected[1:], strict=True):
        assert one.item() == pytest.approx(other.item() * COUNT / PERIOD, rel=2e-3)
    assert layer.running_var.item() == pytest.approx(0.9 + 0.1 * few.var(unbiased=False).item(), rel=1e-5)
