"""Pictures and sequences: arrays of (N, channels, ...), standardised channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leaky.errors import ArgumentError

Floats = npt.NDArray[np.float32]
COLOURS = (1, 3, 4)
"""Channels that a picture may have."""


@dataclass(frozen=True)
class Grid:
    """Pictures of shape (N, C, H, W), or sequences of shape (N, C, T)."""

    values: npt.NDArray[Any]
    kind: str

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, kept: npt.NDArray[Any]) -> Grid:
        """Some of them."""
        return Grid(self.values[kept], self.kind)

    def fitted(self, rows: npt.NDArray[Any]) -> GridEncoder:
        """How they become standardised numbers, by those that are trained on."""
        return GridEncoder(self, rows)


class GridEncoder:
    """Values less the mean, by the standard deviation, of each channel over the training part."""

    def __init__(self, grid: Grid, rows: npt.NDArray[Any]) -> None:
        self.notes: list[str] = []
        self.shape = grid.values.shape[1:]
        self._kind = grid.kind
        axes = (0, *range(2, grid.values.ndim))
        training = grid.values[rows]
        self._mean = training.mean(axes, keepdims=True, dtype=np.float64).astype(np.float32)
        spread = training.std(axes, keepdims=True, dtype=np.float64).astype(np.float32)
        if not spread.any():
            raise ArgumentError(f"task: all {grid.kind} of the training part are one and the same value")
        self._spread = np.where(spread > 0, spread, np.float32(1))

    @property
    def about(self) -> str:
        """What the network sees, for the report."""
        channels, *sides = self.shape
        if self._kind == "images":
            colours = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
            return f"{colours} images of {sides[1]} x {sides[0]} pixels"
        return f"sequences of {sides[0]} steps and {channels} channel{'s' * (channels != 1)}"

    def encode(self, grid: Grid) -> Floats:
        """Float32 of the same shape. Raises `ArgumentError` where a sample has another shape."""
        if grid.values.shape[1:] != self.shape:
            raise ArgumentError(
                f"task: samples of shape {grid.values.shape[1:]} cannot be tested on a model of {self.shape}; "
                "give all of one shape"
            )
        encoded: Floats = ((grid.values - self._mean) / self._spread).astype(np.float32)
        return encoded


def grid(array: npt.NDArray[Any], kind: str) -> Grid:
    """An array as pictures or sequences with the channels second. Raises `ArgumentError` at NaN and infinity."""
    if array.dtype.kind not in "biuf":
        raise ArgumentError(f"task: `X` of shape {array.shape} must hold numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).reshape(len(array), -1).any(1).sum())
        raise ArgumentError(
            f"task: `X` holds NaN or infinity in {bad:,} of {len(array):,} samples; fill or leave them out"
        )
    if 0 in array.shape:
        raise ArgumentError(f"task: `X` is empty, of shape {array.shape}")
    array = array.astype(np.float32)
    if kind == "images":
        if array.ndim == 3:
            array = array[:, None]
        elif array.shape[3] in COLOURS and array.shape[1] not in COLOURS:
            array = np.moveaxis(array, 3, 1)  # (N, H, W, C), as pictures are read from files
    return Grid(np.ascontiguousarray(array), kind)
