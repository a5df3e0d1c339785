"""Which rows are the test part: drawn once, the same for every trial, with every class in proportion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from leaky.lab.data import split

Rows = npt.NDArray[np.int64]


def test_rows(count: int, classes: npt.NDArray[np.int64] | None, fraction: float) -> tuple[Rows, Rows]:
    """(rows to train on, rows to test on), both in ascending order.

    Args:
        count: how many rows there are.
        classes: the class of each, or None for targets that are numbers. A class gives `fraction` of its rows, at
            least one; one that has a single row gives none.
        fraction: of the rows to test on, between 0 and 1.
    """
    if classes is None:
        parts = [np.arange(count)]
    else:
        parts = [np.flatnonzero(classes == one) for one in range(int(classes.max()) + 1)]
    train, test = [], []
    for part in parts:
        if len(part) < 2:
            train.append(part)
            continue
        kept, held_out = split(len(part), fraction, seed=0)
        train.append(part[_sorted(kept)])
        test.append(part[_sorted(held_out)])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test or [np.empty(0, np.int64)]))


def _sorted(indices: torch.Tensor) -> Rows:
    rows: Rows = indices.sort().values.numpy()
    return rows
