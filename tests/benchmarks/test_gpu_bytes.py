"""What lean networks keep by the GPU's kernels, counted in Triton's interpreter (or on a GPU)."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

import gpu_bytes
import leaky
from measure import WrongResultError

SHAPE = (2, 3, 24, 24)
INPUT = 2 * 3 * 24 * 24 * 4
"""Bytes of the input; of what the norm is given 4 / 3 of it."""


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.LeakyReLU(0.01, inplace=True), nn.Conv2d(4, 2, 3)
    )


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_bytes, "NETWORKS", {"small": gpu_bytes.Small("small", network, SHAPE)})


def test_norm_activation_and_convolution_keep_one_tensor_of_two(gpu_or_interpreter: str) -> None:
    (row,) = gpu_bytes.rows("small", gpu_or_interpreter)
    inner, statistics = INPUT * 4 // 3, pytest.approx(0, abs=512)
    assert int(str(row["eager"])) - INPUT - 2 * inner == statistics
    assert int(str(row["lean"])) - INPUT - inner == statistics
    assert row["ratio"] == int(str(row["lean"])) / int(str(row["eager"]))


def test_no_count_for_a_wrong_network(gpu_or_interpreter: str, monkeypatch: Any) -> None:
    def wrong(model: nn.Module) -> None:
        model[3].register_forward_hook(lambda module, inputs, y: 1.001 * y)

    monkeypatch.setattr(leaky, "lean", wrong, raising=False)
    with pytest.raises(WrongResultError, match="small"):
        gpu_bytes.rows("small", gpu_or_interpreter)
