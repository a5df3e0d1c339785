"""`nab`: 23 series of servers, machines and a city with marked anomalies, of the Numenta Anomaly Benchmark.

Source: S. Ahmad, A. Lavin, S. Purdy, Z. Agha 2017, Unsupervised real-time anomaly detection for streaming data.
Neurocomputing 262; probation and windows as in A. Lavin, S. Ahmad 2015, Evaluating Real-time Anomaly Detection
Algorithms - the Numenta Anomaly Benchmark. ICMLA. arXiv:1510.03336.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from leaky.lab.datasets import DATASETS, featurised
from leaky.lab.definition import Task
from leaky.lab.recipe import Recipe
from leaky.lab.tables.detection import detection_task, forest, standardised
from leaky.lab.tables.ranking import targets_of

_PROBATION, _LONGEST_PROBATION = 0.15, 750
_EVERY_THIRD = 3


@dataclass(frozen=True)
class Size:
    """What a budget buys: points of a window, points from one scored to the next, widths of the layers, epochs."""

    window: int
    stride: int
    width: int
    code: int
    epochs: int
    batch_size: int = 64


_SIZES = {
    "smoke": Size(window=64, stride=8, width=64, code=16, epochs=2),
    "small": Size(window=128, stride=2, width=128, code=32, epochs=10),
    "full": Size(window=128, stride=1, width=256, code=64, epochs=40),
}
_RATES = (0.0003, 0.001, 0.003, 0.01)


@dataclass(frozen=True)
class Series:
    """Values standardised by the points on probation, which come first; labels of all points, 1 in a window."""

    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    probation: int


def build(preset: str, budget: str) -> Task:
    """One autoencoder of windows for all series ("shallow": 3 hidden layers, "deep": 5), ROC AUC, mean of the series.

    It is trained on the points that NAB has on probation: the first 15 %, 750 at most, of every series, without an
    anomaly. The score of a later point is the error of the window round it; labelled are the points in NAB's windows.
    Every third series is for choosing the learning rate, the others are for testing.
    """
    size = _SIZES[budget]
    data = featurised("nab", "1", partial(_featurise, window=size.window, stride=size.stride))
    inner = (size.width,) if preset == "shallow" else (size.width, size.width // 2)
    tested = data["test_targets"]
    return detection_task(
        "nab",
        data,
        (size.window,),
        ((*inner, size.code, *inner[::-1]),),
        recipe=Recipe(optimizer="adam", schedule="cosine", batch_size=size.batch_size, epochs=size.epochs),
        learning_rates=_RATES[1:3] if budget == "smoke" else _RATES,
        about=f"{DATASETS['nab'].credit}; windows of {size.window} points, {len(data['train']):,} on probation for "
        f"training, {len(tested):,} of {len(np.unique(tested // 2))} other series for testing, "
        f"{100 * (tested % 2).mean():.0f} % of them in marked windows; one autoencoder for all series with "
        f"{2 * len(inner) + 1} hidden layers",
        notes=(
            "A window looks ahead of its point: this finds anomalies afterwards, and NAB's own score for early "
            "detection is another. One of its 24 series has no anomaly and is left out.",
        ),
    )


def _featurise(files: Mapping[str, Path], window: int, stride: int) -> dict[str, NDArray[np.generic]]:
    """Windows per part, (N, window), with targets, (N, 1); the test part also with an isolation forest's scores."""
    read = read_series(files["series"], json.loads(files["windows.json"].read_text()))
    found: dict[str, list[NDArray[np.generic]]] = {}
    for number, series in enumerate(read.values()):
        known = _windows(series.values[: series.probation], window)
        found.setdefault("train", []).append(known)
        found.setdefault("train_targets", []).append(targets_of(np.zeros((len(known), 1), int), number))
        part = "validation" if number % _EVERY_THIRD == 1 else "test"
        half = window // 2
        last = len(series.values) - half
        scored = _windows(series.values[series.probation - half :], window)[
            : last - series.probation : stride
        ]
        labels = series.labels[series.probation : last : stride, None]
        found.setdefault(part, []).append(scored)
        found.setdefault(f"{part}_targets", []).append(targets_of(labels, number))
        if part == "test":
            found.setdefault("test_forest", []).append(forest(known, scored)[:, None])
    return {part: np.concatenate(rows) for part, rows in found.items()}


def read_series(folder: Path, marked: Mapping[str, list[list[str]]]) -> dict[str, Series]:
    """Every series with an anomaly, by name; `marked` has the first and last time of each anomaly."""
    found = {}
    for path in sorted(folder.glob("*/*.csv")):
        name = f"{path.parent.name}/{path.name}"
        if not marked[name]:
            continue
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        times = np.array([row["timestamp"] for row in rows], "datetime64[s]")
        values = np.array([float(row["value"]) for row in rows])
        labels = np.zeros(len(rows), np.int64)
        for first, last in marked[name]:
            labels |= (times >= np.datetime64(first, "s")) & (times <= np.datetime64(last, "s"))
        probation = min(int(_PROBATION * len(values)), _LONGEST_PROBATION)
        _, scaled = standardised(values[:probation], values)
        found[name] = Series(scaled, labels, probation)
    return found


def _windows(values: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    return sliding_window_view(values, window)
