"""Networks with planted units, and measures of them taken by hooks written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

FAR = 20.0


def mlp(activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Unit 0 dead, unit 1 always positive, unit 2 dormant (weights of 1e-4 and no bias); the rest at work."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), activation(), nn.Linear(8, 3))
    plant(model[0])
    return model


@torch.no_grad()
def plant(layer: Any) -> None:
    layer.weight[2] *= 1e-4
    layer.bias.zero_()
    layer.bias[0] = -FAR
    layer.bias[1] = 10.0
    layer.weight[1] *= 0.1


class ConvNet(nn.Module):
    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.conv, self.act, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace), nn.Linear(8, 2)
        plant(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.conv(x)).mean((2, 3)))


class Residual(nn.Module):
    """Dead units of the inner site; at the outer one, a dead branch does not make a dead unit."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.norm = (
            nn.Conv2d(4, 4, 3, padding=1),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.BatchNorm2d(4),
        )
        with torch.no_grad():
            self.a.bias[1] = -FAR

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.b(F.relu(self.a(x)))))


class Reused(nn.Module):
    """One activation at two places: units 0 and 1 of the first are dead, unit 2 of the second."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.first, self.second, self.act = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU(inplace)
        with torch.no_grad():
            self.first.bias[:2] = -FAR
            self.second.bias[2] = -FAR

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.second(self.act(self.first(x))))


class Functional(nn.Module):
    """The same function called in every way there is."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Reused()
        self.out = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.block(x) - 0.1, 0.2)
        x = torch.relu(self.out(x))
        return (torch.tanh(x - 0.5).relu() * 2).sigmoid_() + F.elu(x, alpha=0.5)


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.stem, self.block, self.reentrant = nn.Linear(4, 4), Reused(), reentrant
        self.tail = nn.Sequential(nn.Linear(4, 4), nn.LeakyReLU(0.1))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.stem(x))
        x = checkpoint(self.tail, x, use_reentrant=self.reentrant)
        return checkpoint(self.block, x, use_reentrant=self.reentrant)


def transformer() -> nn.TransformerEncoderLayer:
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    plant(model.linear1)
    return model


def by_hand(site: nn.Module, model: nn.Module, batches: Iterable[Tensor], unit: int) -> dict[str, Tensor]:
    """Counts and sums of one module's input and output, by torch's own hooks."""
    seen: list[tuple[Tensor, Tensor]] = []

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append((inputs[0].detach().clone(), output.detach().clone()))

    handle = site.register_forward_hook(hook)
    with torch.no_grad():
        for batch in batches:
            model(batch)
    handle.remove()
    x = torch.cat([x.movedim(unit, -1).flatten(0, -2) for x, _ in seen]).double()
    h = torch.cat([h.movedim(unit, -1).flatten(0, -2) for _, h in seen]).double()
    return {
        "positive": (x > 0).double().mean(0),
        "negative": (x < 0).double().mean(0),
        "input_mean": x.mean(0),
        "mean": h.mean(0),
        "magnitude": h.abs().mean(0),
        "scale": h.var(0, correction=0).sqrt(),
        "dormancy": h.abs().mean(0) / h.abs().mean(),
        "singular": torch.linalg.svdvals(h),
    }
