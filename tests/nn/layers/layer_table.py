"""Every element-wise layer that keeps less than torch's: ours, torch's, how near, and what it may keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch.nn import functional as F

import leaky
from leaky.kernels import select
from leaky.kernels.select import SMALL

COUNT = 2 * SMALL + 3
BIT, OUTPUT = 1 / 8, 4.0

Function = Callable[..., torch.Tensor]
ours_of = leaky.nn.functional


@dataclass(frozen=True)
class Layer:
    """A function of torch's and ours; `keeps` is in bytes per float32 element, the output counted."""

    name: str
    ours: Function
    torchs: Function
    keeps: float
    exact: bool = True
    """The gradient has torch's bits."""
    exact_in_half: bool = False
    inplace: bool = True
    keeps_input: bool = False
    at_nan: bool = False
    """f'(NaN) is 1, where torch has 0 or 1 by the place in the array."""

    @property
    def in_triton(self) -> bool:
        """Whether there are kernels in Triton; asked for where there are none they raise."""
        return select.LAYERS[self.name.split()[0]].triton is not None


def _hardtanh(low: float, high: float) -> Layer:
    given = {"min_val": low, "max_val": high}
    return Layer(
        f"hardtanh {low} {high}",
        partial(ours_of.hardtanh, **given),
        partial(F.hardtanh, **given),
        BIT,
        at_nan=True,
    )


def _of_output(name: str, *, exact_in_half: bool = False, inplace: bool = True, **given: float) -> Layer:
    return Layer(
        " ".join([name, *map(str, given.values())]),
        partial(getattr(ours_of, name), **given),
        partial(getattr(F, name), **given),
        OUTPUT,
        exact=False,
        exact_in_half=exact_in_half,
        inplace=inplace,
    )


def _prelu(slope: float) -> Layer:
    """One slope for all, which the tests of PReLU itself train."""

    def with_slope(function: Function, x: torch.Tensor) -> torch.Tensor:
        return function(x, torch.tensor([slope], dtype=x.dtype))

    ours, torchs = partial(with_slope, ours_of.prelu), partial(with_slope, F.prelu)
    return Layer(f"prelu {slope}", ours, torchs, OUTPUT, inplace=False, keeps_input=slope <= 0)


LAYERS = [
    Layer("relu6", ours_of.relu6, F.relu6, BIT, at_nan=True),
    _hardtanh(-1.0, 1.0),
    _hardtanh(0.0, 5.29),
    _hardtanh(-0.3, 0.1),
    _of_output("elu", exact_in_half=True),
    _of_output("elu", exact_in_half=True, alpha=0.5),
    _of_output("celu", exact_in_half=True, alpha=2.0),
    _of_output("selu", exact_in_half=True),
    _of_output("softplus", inplace=False),
    _prelu(0.25),
    _prelu(-0.3),
    _prelu(0.0),
    _of_output("softplus", inplace=False, beta=-2.0, threshold=40.0),
]
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=[layer.name for layer in LAYERS])
in_place = pytest.mark.parametrize("layer", [la for la in LAYERS if la.inplace], ids=lambda la: la.name)
