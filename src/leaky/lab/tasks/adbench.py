"""`adbench`: six classical tables with rare anomalies, of ADBench; an autoencoder for each.

Source: S. Han, X. Hu, H. Huang, M. Jiang, Y. Zhao 2022, ADBench: Anomaly Detection Benchmark. NeurIPS.
arXiv:2206.09426.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaky.lab.datasets import DATASETS, featurised
from leaky.lab.definition import Task
from leaky.lab.recipe import Recipe
from leaky.lab.tables.detection import detection_task, forest, standardised
from leaky.lab.tables.ranking import NOT_COUNTED, roc_auc_of, targets_of

TABLES = {
    "pendigits": "28_pendigits.npz",
    "satimage-2": "31_satimage-2.npz",
    "thyroid": "38_thyroid.npz",
    "vowels": "40_vowels.npz",
    "WDBC": "43_WDBC.npz",
    "cardio": "6_cardio.npz",
}
_NORMAL_TO_TRAIN, _REST_TO_VALIDATE = 0.5, 0.3
_NARROWEST = 2
_LAYERS = {"shallow": ((64,), 4), "deep": ((64, 32), 2)}
"""Units before the code, and how many times fewer units than columns the code has."""


@dataclass(frozen=True)
class Size:
    """What a budget buys: training rows of a table at most, epochs, and how many without a better one end it."""

    rows: int
    epochs: int
    early_stopping: int = 0
    batch_size: int = 64

    @property
    def recipe(self) -> Recipe:
        """How the networks are trained. Trained for long they reconstruct anomalies too."""
        return Recipe(
            optimizer="adam",
            schedule="constant" if self.early_stopping else "cosine",
            early_stopping=self.early_stopping,
            batch_size=self.batch_size,
            epochs=self.epochs,
        )


_SIZES = {
    "smoke": Size(rows=1_000, epochs=8),
    "small": Size(rows=10_000, epochs=10),
    "full": Size(rows=10_000, epochs=100, early_stopping=10),
}
_RATES = (0.0003, 0.001, 0.003, 0.01)


def build(preset: str, budget: str) -> Task:
    """Six tables, an autoencoder each ("shallow": 3 hidden layers, "deep": 5), ROC AUC, the mean of the tables.

    The networks see normal rows alone: half of them are for training. The other half and all anomalies are for
    choosing learning rates (three tenths) and testing (seven tenths). A row that occurs twice is in one part only.
    """
    size = _SIZES[budget]
    data = featurised("adbench", "1", partial(_featurise, rows=size.rows))
    features = data["features"].tolist()
    widths = [_widths(preset, count) for count in features]
    counted = data["test_targets"] != NOT_COUNTED
    odd = counted & (data["test_targets"] % 2 == 1)
    return detection_task(
        "adbench",
        data,
        features,
        widths,
        recipe=size.recipe,
        metrics=roc_auc_of(tuple(TABLES)),
        learning_rates=_RATES[1:3] if budget == "smoke" else _RATES,
        about=f"{DATASETS['adbench'].credit}: {', '.join(TABLES)}; {counted.sum():,} rows for testing, {odd.sum()} "
        f"of them anomalies; an autoencoder per table with {len(widths[0])} hidden layers, trained on normal rows, "
        f"the code 1/{_LAYERS[preset][1]} of the columns wide; mean of the {len(features)} tables",
        notes=(
            "Learning rates are chosen on labelled anomalies of the validation part; ADBench itself tunes nothing, "
            "and lets anomalies into the training data of its unsupervised methods.",
            f"Layers are counted table by table, as named: 1 to {len(widths[0])} are of {next(iter(TABLES))}.",
        ),
    )


def _widths(preset: str, columns: int) -> tuple[int, ...]:
    before, share = _LAYERS[preset]
    return (*before, max(_NARROWEST, columns // share), *before[::-1])


def _featurise(files: Mapping[str, Path], rows: int) -> dict[str, NDArray[np.generic]]:
    """Per part the tables side by side, (rows, all columns), with targets, (rows, tables); shorter tables repeat.

    What repeats counts in training, as every table gets as many steps, and nowhere else.
    """
    parts: dict[str, list[NDArray[np.generic]]] = {}
    columns = []
    for group, file in enumerate(TABLES.values()):
        with np.load(files[file]) as table:
            values, labels = table["X"].astype(float), table["y"].astype(int)
        order = split(values, labels)
        order["train"] = order["train"][:rows]
        scaled = standardised(*(values[order[part]] for part in ("train", "validation", "test")))
        for part, these in zip(order, scaled, strict=True):
            parts.setdefault(part, []).append(these)
            parts.setdefault(f"{part}_targets", []).append(targets_of(labels[order[part]], group)[:, None])
        parts.setdefault("test_forest", []).append(forest(scaled[0], scaled[2])[:, None])
        columns.append(values.shape[1])
    found: dict[str, NDArray[np.generic]] = {"features": np.array(columns)}
    for part, tables in parts.items():
        repeats = NOT_COUNTED if part in ("validation_targets", "test_targets") else None
        found[part] = _side_by_side(tables, repeats)
    return found


def split(values: NDArray[np.floating], labels: NDArray[np.integer]) -> dict[str, NDArray[np.intp]]:
    """Rows of each part, drawn by one seed; equal rows are together, and training has no anomaly."""
    _, same = np.unique(values, axis=0, return_inverse=True)
    same = same.ravel()
    rank = np.random.default_rng(0).permutation(same.max() + 1)[same]
    odd = np.isin(same, same[labels == 1])
    parts: dict[str, list[NDArray[np.intp]]] = {part: [] for part in ("train", "validation", "test")}
    for those, trained in ((~odd, _NORMAL_TO_TRAIN), (odd, 0.0)):
        validated = trained + (1 - trained) * _REST_TO_VALIDATE
        share = (
            np.searchsorted(np.sort(rank[those]), rank[those]) / those.sum()
        )  # of rows before it and its equals
        for part, low, high in (
            ("train", 0.0, trained),
            ("validation", trained, validated),
            ("test", validated, 1.0),
        ):
            parts[part].append(np.flatnonzero(those)[(share >= low) & (share < high)])
    return {part: np.concatenate(rows) for part, rows in parts.items()}


def _side_by_side(tables: list[NDArray[np.generic]], repeats: int | None) -> NDArray[np.generic]:
    """Tables as columns of one, as long as the longest; the others begin again, or are filled with `repeats`."""
    longest = max(map(len, tables))
    filled = []
    for table in tables:
        rows = table[np.arange(longest) % len(table)]
        if repeats is not None:
            rows[len(table) :] = repeats
        filled.append(rows)
    return np.concatenate(filled, 1)
