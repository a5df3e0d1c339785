"""Windows of a series: what is known when a forecast is made, and what is to be forecast."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def windows(
    known: NDArray[np.floating],
    wanted: NDArray[np.floating],
    part: tuple[int, int],
    *,
    look_back: int,
    horizon: int,
    stride: int = 1,
) -> tuple[Floats, Floats]:
    """Pairs of past and future; every step that is forecast lies in `part`.

    The past of a part's first forecasts reaches back before it, as a forecaster's does on the first day of use; no
    step is forecast in two parts, so what is tested on was never trained on.

    Args:
        known: what forecasts are made from, shape (steps, channels).
        wanted: what is forecast, shape (steps, variables).
        part: steps from the first to before the second.
        look_back: steps of the past; fewer come before the first forecast only where the series begins.
        horizon: steps of the future.
        stride: a forecast is made every so many steps.

    Returns:
        Arrays of shapes (forecasts, channels, look_back) and (forecasts, variables, horizon).

    Example:
        >>> x = np.arange(8.0)[:, None]
        >>> past, future = windows(x, x, (3, 8), look_back=3, horizon=2, stride=2)
        >>> past[:, 0].tolist(), future[:, 0].tolist()
        ([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]], [[3.0, 4.0], [5.0, 6.0]])
    """
    first, last = part
    origins = np.arange(max(first, look_back), last - horizon + 1, stride)
    past = sliding_window_view(known, look_back, axis=0)[origins - look_back]
    future = sliding_window_view(wanted, horizon, axis=0)[origins]
    return past.astype(np.float32), future.astype(np.float32)
