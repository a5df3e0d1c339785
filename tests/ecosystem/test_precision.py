"""Automatic mixed precision: bfloat16 and float16, with a GradScaler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lean_nets import NETS, net
from side_by_side import images, kept, made, needs_native
from torch import Tensor, nn
from torch.nn import functional as F

import leaky

BATCHES = images(5, 2, 3, 32, 32)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.1, inplace=True),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.LeakyReLU(0.1),
        )
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.leaky_relu(self.body(x), 0.2))


def trained(model: nn.Module, dtype: torch.dtype, spoilt: int = -1) -> tuple[list[float], list[float]]:
    """Losses and the scaler's scales, where the gradient of step `spoilt` is infinite."""
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses, scales = [], []
    for step, x in enumerate(BATCHES):
        optimiser.zero_grad()
        with torch.autocast("cpu", dtype):
            loss = model(x).float().square().mean()
        scaler.scale(loss * (float("inf") if step == spoilt else 1)).backward()
        scaler.step(optimiser)
        scaler.update()
        losses.append(loss.item())
        scales.append(scaler.get_scale())
    return losses, scales


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("inside", [True, False], ids=["made lean under autocast", "made lean before"])
def test_training_with_a_scaler(dtype: torch.dtype, inside: bool) -> None:
    plain, lean = made(Net), made(Net)
    with torch.autocast("cpu", dtype, enabled=inside):
        assert leaky.lean(lean, BATCHES[0]).changed
    (losses, scales), (lean_losses, lean_scales) = (trained(model, dtype) for model in (plain, lean))
    assert lean_losses == pytest.approx(losses, rel=0.01)
    assert lean_scales == scales
    assert len(set(scales)) == 3
    leaky.unlean(lean)
    lean.load_state_dict(plain.state_dict())
    assert trained(lean, dtype) == trained(plain, dtype)


def test_a_step_that_overflows_is_skipped_by_both() -> None:
    plain, lean = made(Net), made(Net)
    leaky.lean(lean, BATCHES[0])
    (losses, scales), (lean_losses, lean_scales) = (
        trained(model, torch.float16, spoilt=1) for model in (plain, lean)
    )
    assert scales[1] == 2.0**9
    assert lean_scales == scales
    assert lean_losses == pytest.approx(losses, rel=0.01)


@needs_native
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", NETS)
def test_inputs_computed_again_under_autocast(name: str, dtype: torch.dtype) -> None:
    plain, lean = net(name), net(name)
    leaky.lean(lean, BATCHES[0])
    with torch.autocast("cpu", dtype):
        assert kept(lean, BATCHES[0]) <= NETS[name][1] * kept(plain, BATCHES[0]) + 2**15
    assert trained(lean, dtype)[0] == pytest.approx(trained(plain, dtype)[0], rel=0.01)


@needs_native
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_less_is_kept_under_autocast(dtype: torch.dtype) -> None:
    plain, lean = made(Net), made(Net)
    leaky.lean(lean, BATCHES[0])
    with torch.autocast("cpu", dtype):
        assert kept(lean, BATCHES[0]) <= 0.75 * kept(plain, BATCHES[0])


CASTS: dict[str, Callable[[nn.Module], Any]] = {"bfloat16": nn.Module.bfloat16, "float64": nn.Module.double}


@pytest.mark.parametrize("cast", CASTS.values(), ids=CASTS)
def test_cast_after_it_was_made_lean(cast: Any) -> None:
    plain, lean = made(Net), made(Net)
    leaky.lean(lean, BATCHES[0])
    losses = []
    for model in (plain, lean):
        model = cast(model)
        x = BATCHES[0].to(next(model.parameters()).dtype)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
        for _ in range(3):
            optimiser.zero_grad()
            loss = model(x).float().square().mean()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert losses[3:] == pytest.approx(losses[:3], rel=0.02 if cast is nn.Module.bfloat16 else 1e-9)
