"""`lean` never makes a model keep more, with or without an example; what it changes gains, each on its own."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import leaky
from leaky.kernels.select import why_not_native
from leaky.models import saved_bytes

pytestmark = pytest.mark.skipif(
    why_not_native(torch.empty(2**20)) is not None, reason="other kernels keep more than is counted here"
)
WIDTH = 8


def conv() -> nn.Module:
    return nn.Conv2d(WIDTH, WIDTH, 1)


def some_slopes_below_0() -> nn.Module:
    layer = nn.PReLU(WIDTH)
    with torch.no_grad():
        layer.weight[:3] = -0.1
    return layer


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "conv": conv,
    "frozen": lambda: conv().requires_grad_(False),
    "norm": lambda: nn.BatchNorm2d(WIDTH),
    "group norm": lambda: nn.GroupNorm(2, WIDTH),
    "leaky": lambda: nn.LeakyReLU(0.1),
    "leaky in place": lambda: nn.LeakyReLU(0.1, inplace=True),
    "relu": nn.ReLU,
    "relu in place": lambda: nn.ReLU(inplace=True),
    "relu6": nn.ReLU6,
    "relu6 in place": lambda: nn.ReLU6(inplace=True),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "selu in place": lambda: nn.SELU(inplace=True),
    "softplus": lambda: nn.Softplus(beta=2),
    "prelu": nn.PReLU,
    "some slopes below 0": some_slopes_below_0,
    "rrelu": nn.RReLU,
    "rrelu in place": lambda: nn.RReLU(inplace=True),
    "dropout": lambda: nn.Dropout(0.2),
    "alpha dropout": lambda: nn.AlphaDropout(0.2),
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "pool": lambda: nn.MaxPool2d(3, 1, 1),
    "identity": nn.Identity,
}
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "F.leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "F.relu": F.relu,
    "F.elu": F.elu,
    "tanh": torch.tanh,
    "scaled": lambda x: 0.5 * x,
    "gate": lambda x: torch.cat([part.sigmoid() * x for part in x.chunk(2, 1)], 1)[:, :WIDTH],
}


class Net(nn.Module):
    """Layers, calls and joins in an order that a seed decides; it may read again what it computed before."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        draw = random.Random(seed)
        self.first, self.last = conv(), conv()
        self.layers = nn.ModuleList()
        self.steps: list[tuple[str, Any, int]] = []
        for _ in range(draw.randint(3, 9)):
            kind = draw.choice(["layer"] * 6 + ["call", "add", "cat", "branch"])
            back = draw.randint(1, 3)
            if kind == "layer":
                self.layers.append(LAYERS[draw.choice(list(LAYERS))]())
                self.steps.append((kind, len(self.layers) - 1, back))
            else:
                self.steps.append((kind, draw.choice(list(FUNCTIONS)), back))
        self.mix = nn.Conv2d(2 * WIDTH, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        earlier = [x]
        for kind, what, back in self.steps:
            other = earlier[-min(back, len(earlier))]
            if kind == "layer":
                x = self.layers[what](x)
            elif kind == "call":
                x = FUNCTIONS[what](x)
            elif kind == "add":
                x = x + other
            elif kind == "cat":
                x = self.mix(torch.cat([x, other], 1))
            else:
                x = x + FUNCTIONS[what](other)
            earlier.append(x)
        return self.last(x)  # type: ignore[no-any-return]


def image() -> Tensor:
    return torch.randn(2, WIDTH, 32, 32, generator=torch.Generator().manual_seed(1))


def runs(model: nn.Module, x: Tensor) -> bool:
    """Whether torch itself can differentiate it: in-place layers may spoil what others keep."""
    try:
        copy.deepcopy(model)(x).sum().backward()
    except RuntimeError:
        return False
    return True


def apart(report: Any) -> list[list[str]]:
    """The modules of each change that can be undone alone: where no calls of the same function go with it."""
    if any("F." in site.was for site in report.changed):
        return []
    return [site.name.split(" + ") for site in report.changed]


@pytest.mark.parametrize("start", range(0, 80, 20))
def test_random_networks(start: int) -> None:
    x, counted = image(), 0
    for seed in range(start, start + 20):
        plain = Net(seed)
        if not runs(plain, x):
            continue
        plain = nn.Sequential(plain, nn.ReLU())  # there is always a site
        before = saved_bytes(lambda: plain(x), plain)  # noqa: B023  (called at once)
        for example in (None, x):
            model = copy.deepcopy(plain)
            report = leaky.lean(model, example)
            after = saved_bytes(lambda: model(x), model)  # noqa: B023  (called at once)
            assert after <= before, (seed, report)
            if example is not None:
                assert (report.bytes_before, report.bytes_after) == (before, after), (seed, report)
                assert bool(report.changed) == (after < before), (seed, report)
                for names in apart(report):
                    one = copy.deepcopy(model)
                    for name in names:
                        leaky.unlean(one.get_submodule(name))
                    undone = saved_bytes(lambda: one(x), one)  # noqa: B023  (called at once)
                    assert undone > after, (seed, names, report)
            counted += 1
    assert counted > 15


def left(model: nn.Module, name: str) -> str:
    """Why a site is left, without an example."""
    (site,) = [site for site in leaky.lean(model, dry_run=True).left if site.name == name]
    return site.reason


class Twice(nn.Module):
    """One tensor goes into an activation and a layer that keeps it too."""

    def __init__(self, other: nn.Module) -> None:
        super().__init__()
        self.first, self.act, self.other, self.last = conv(), nn.LeakyReLU(0.1), other, conv()

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.last(self.act(x)) + self.other(x)  # type: ignore[no-any-return]


def test_without_an_example_the_reason_says_who_keeps_the_same() -> None:
    assert left(Twice(conv()), "act") == "it keeps its input, as `other` does anyway"
    unknown = "it keeps its input, as `other` may too; an `example` would tell"
    assert left(Twice(nn.Hardshrink()), "act") == unknown
    assert leaky.lean(Twice(nn.Sigmoid())).changed  # which keeps its output
    nobody = "its output would be kept instead of its input, and no layer keeps that anyway"
    assert left(nn.Sequential(conv(), nn.SELU(), nn.AlphaDropout(0.1), conv()), "1") == nobody


def test_without_an_example_masks_of_dropout_are_bits_even_where_the_code_does_not_trace() -> None:
    model = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True)
    x = torch.randn(8, 64, 64)
    before = saved_bytes(lambda: model(x), model)
    report = leaky.lean(model)
    assert {site.name for site in report.changed} == {"dropout", "dropout1", "dropout2"}
    assert saved_bytes(lambda: model(x), model) < before
