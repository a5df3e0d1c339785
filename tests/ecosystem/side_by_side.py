"""Two copies of one model trained side by side, one of them lean: what every library here is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import leaky
from leaky.kernels.select import why_not_native
from leaky.models import saved_bytes

needs_native = pytest.mark.skipif(
    why_not_native(torch.empty(2**20)) is not None, reason="other kernels keep more than is counted here"
)
Loss = Callable[[Any], Tensor]


def made(make: Callable[[], nn.Module]) -> nn.Module:
    """The same weights every time, in training mode."""
    torch.manual_seed(0)
    return make().train()


def images(steps: int, *shape: int) -> list[Tensor]:
    """Normal batches, the same every time."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(shape, generator=generator) for _ in range(steps)]


def call(model: Callable[..., Any], batch: Any) -> Any:
    """The model on a batch: a tensor, or arguments by name."""
    return model(**batch) if isinstance(batch, dict) else model(batch)


def squares(output: Any) -> Tensor:
    """A loss of a tensor, or of what has one already."""
    loss = getattr(output, "loss", None)
    if loss is not None:
        return loss
    output = output[0] if isinstance(output, tuple | list) else output
    return output.float().square().mean()


def trained(model: Any, batches: Iterable[Any], loss: Loss = squares, rate: float = 0.05) -> list[float]:
    """The losses of a training; dropout draws the same numbers every time."""
    optimiser = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    losses = []
    for step, batch in enumerate(batches):
        torch.manual_seed(step)
        optimiser.zero_grad()
        value = loss(call(model, batch))
        value.backward()
        optimiser.step()
        losses.append(value.item())
    return losses


def kept(model: nn.Module, batch: Any) -> int:
    """Bytes that a call keeps for backward."""
    return saved_bytes(lambda: call(model, batch), model)


def follows(
    make: Callable[[], nn.Module],
    batches: Sequence[Any],
    *,
    at_most: float,
    loss: Loss = squares,
    rel: float = 1e-5,
    rate: float = 0.05,
    prepared: Callable[[nn.Module], Any] = lambda model: model,
) -> leaky.models.LeanReport:
    """Train a model plain and lean; `prepared` wraps it, or turns on what the library has to offer.

    Losses agree, to `rel` for the whole training; at most that part of the bytes is kept; the state fits both ways;
    and undone, the model trains on as the plain one does.
    """
    plain, lean = made(make), made(make)
    report = leaky.lean(lean, batches[0])
    assert report.changed, report
    first, second = prepared(plain), prepared(lean)
    wanted = trained(first, batches, loss, rate)
    assert wanted[-1] != wanted[0]
    assert trained(second, batches, loss, rate) == pytest.approx(wanted, rel=rel)
    if why_not_native(torch.empty(2**20)) is None:
        assert kept(second, batches[0]) <= at_most * kept(first, batches[0])
    plain.load_state_dict(lean.state_dict(), strict=True)
    lean.load_state_dict(plain.state_dict(), strict=True)
    assert leaky.unlean(lean)
    assert [type(module) for module in lean.modules()] == [type(module) for module in plain.modules()]
    assert trained(second, batches, loss, rate) == pytest.approx(trained(first, batches, loss, rate), rel=rel)
    return report
