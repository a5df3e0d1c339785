"""The run over every float32: it finds what is wrong, stops at any block and goes on there."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exhaustive
import leaky
from ulps import BEYOND, Worst


class _Here:
    """A pool without processes."""

    map = staticmethod(map)


def test_a_block_is_measured_and_a_planted_error_found(monkeypatch: pytest.MonkeyPatch) -> None:
    block = 0x3F800000 >> exhaustive.BLOCK  # begins at 1.0
    assert exhaustive.measure("relu", block)[:2] == (Worst(), Worst())
    value, slope, _ = exhaustive.measure("very_leaky_relu", 0xBF800000 >> exhaustive.BLOCK)
    assert (value.ulps, slope) == (1, Worst())
    assert -2 < value.at <= -1

    def wrong_at_one_number(x: Any) -> Any:
        return np.where(x == np.float32(1.25), np.nextafter(x, np.float32(9)), x)

    monkeypatch.setattr(leaky, "relu", wrong_at_one_number)
    assert exhaustive.measure("relu", block)[:2] == (Worst(1, 1.25, 0.8), Worst())
    monkeypatch.setattr(leaky, "relu", lambda x: np.where(x == np.float32(1.25), np.float32(math.nan), x))
    assert exhaustive.measure("relu", block)[0].ulps == BEYOND


def test_it_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[int] = []

    def measure(name: str, block: int) -> exhaustive.Found:
        blocks.append(block)
        if block == 3 and blocks.count(3) == 1:
            raise KeyboardInterrupt
        return Worst(block, float(block), block / 2), Worst(), 2.0

    monkeypatch.setattr(exhaustive, "measure", measure)
    monkeypatch.setattr(exhaustive, "BLOCKS", 5)
    monkeypatch.setattr(exhaustive, "STATE", tmp_path)
    monkeypatch.setattr(exhaustive, "RESULTS", tmp_path / "exhaustive.csv")
    with pytest.raises(KeyboardInterrupt):
        exhaustive.run([exhaustive.Entry("elu")], _Here, 1, math.inf)
    assert not exhaustive.kept()
    assert exhaustive.Entry("elu").done == 3
    assert not exhaustive.run([exhaustive.Entry("elu")], _Here, 1, -math.inf)  # time is up at once
    assert exhaustive.run([exhaustive.Entry("elu")], _Here, 1, math.inf)
    assert blocks == [0, 1, 2, 3, 3, 4]
    assert exhaustive.run([exhaustive.Entry("relu")], _Here, 1, math.inf)  # its row comes before
    with exhaustive.RESULTS.open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["entry"], second["entry"]) == ("relu", "elu")
    assert (second["parameters"], second["value_ulps"], second["seconds"]) == ("alpha=1.0", "4", "10")
    assert list(tmp_path.iterdir()) == [exhaustive.RESULTS]
