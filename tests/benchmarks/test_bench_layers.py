"""The benchmark of layers gives no figure for a wrong one."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.nn import functional as F

import bench_layers
from measure import WrongResultError


@pytest.mark.parametrize("name", bench_layers.layers())
def test_every_layer_is_right(name: str) -> None:
    theirs, ours = bench_layers.layers()[name]
    bench_layers.check(name, theirs, ours, torch.randn(64, bench_layers.CHANNELS, 256))


@pytest.mark.parametrize("name", bench_layers.layers())
def test_a_wrong_layer_is_found(name: str) -> None:
    theirs, _ = bench_layers.layers()[name]
    wrong = partial(F.leaky_relu, negative_slope=0.2501)
    with pytest.raises(WrongResultError):
        bench_layers.check(name, theirs, wrong, torch.randn(64, bench_layers.CHANNELS, 256))
