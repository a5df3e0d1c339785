"""The doctor in TensorBoard: scalars and histograms of every site through torch's SummaryWriter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from leaky.extras import require

require("tensorboard", "tensorboard", "leaky.doctor.integrations.tensorboard")

from torch.utils.tensorboard import SummaryWriter  # noqa: E402  (a missing TensorBoard becomes a remedy first)

from leaky.doctor.diagnosis import Diagnosis  # noqa: E402
from leaky.doctor.integrations.following import Since  # noqa: E402
from leaky.doctor.integrations.scalars import scalars, tag  # noqa: E402
from leaky.doctor.watch import Watch  # noqa: E402
from leaky.errors import ArgumentTypeError  # noqa: E402
from leaky.records.diagnosis import Histogram, Site  # noqa: E402

_SHARES = np.linspace(0.0, 1.0, 21)


def write_diagnosis(writer: SummaryWriter, diagnosis: Diagnosis, step: int | None = None) -> None:
    """Write all of a diagnosis at one step.

    Per site the scalars `leaky_never_active/SITE`, `leaky_dormant/SITE`, `leaky_positive/SITE` and
    `leaky_reach/SITE`, as far as they could be measured; histograms of its pre-activations (`leaky_input/SITE`) and
    of the share of positive inputs of its units (`leaky_units_positive/SITE`); and the verdicts as text.

    Args:
        writer: a SummaryWriter of torch.utils.tensorboard.
        diagnosis: what `leaky.diagnose` or a watch's `diagnosis()` returned.
        step: where on the axis of steps; by default the diagnosis's own number of steps.

    Raises:
        MissingExtraError: TensorBoard is not installed (on import).
        ArgumentTypeError: `writer` or `diagnosis` is something else.
    """
    _check(writer, "write_diagnosis")
    if not isinstance(diagnosis, Diagnosis):
        raise ArgumentTypeError(
            f"write_diagnosis: `diagnosis` must be a Diagnosis, got {type(diagnosis).__name__}; for a watch there is "
            "WatchWriter, or its `diagnosis()`"
        )
    at = diagnosis.steps if step is None else step
    _write(writer, diagnosis.sites, at)
    lines = [f"- **{verdict.severity}**: {verdict}" for verdict in diagnosis.verdicts]
    writer.add_text("leaky_verdicts", "\n".join(lines), at)


class WatchWriter:
    """Writes what a running watch measures, step by step; the tags are those of `write_diagnosis`.

    Each measured step is written by itself, at the number of updates that were made before it: curves show what
    changes, where a diagnosis would be the mean of all steps so far.

    Args:
        writer: a SummaryWriter of torch.utils.tensorboard.
        watch: what `leaky.watch` returned.

    Raises:
        MissingExtraError: TensorBoard is not installed (on import).
        ArgumentTypeError: `writer` or `watch` is something else.

    Example:
        >>> import tempfile, torch, leaky
        >>> from torch.utils.tensorboard import SummaryWriter
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
        >>> with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
        ...     with leaky.watch(model, every=2) as watch:
        ...         board = WatchWriter(writer, watch)
        ...         for _ in range(4):
        ...             model(torch.randn(8, 2)).sum().backward()
        ...             watch.step()
        ...             print(board.write())
        True
        False
        True
        False
    """

    def __init__(self, writer: SummaryWriter, watch: Watch) -> None:
        _check(writer, "WatchWriter")
        if not isinstance(watch, Watch):
            raise ArgumentTypeError(
                f"WatchWriter: `watch` must be what leaky.watch returned, got {type(watch).__name__}"
            )
        self._writer, self._since = writer, Since(watch)

    def write(self) -> bool:
        """Call it after every `watch.step()`; whether there was something new.

        Where it is called less often, the steps measured since are written together, at the last of them.
        """
        measured = self._since.take()
        if measured is None:
            return False
        _write(self._writer, measured.sites, measured.step)
        return True


def _write(writer: SummaryWriter, sites: Iterable[Site], step: int) -> None:
    sites = tuple(sites)
    for name, value in scalars(sites).items():
        writer.add_scalar(name, value, step)
    for site in sites:
        if site.histogram is not None:
            _add_histogram(writer, tag("input", site), site, site.histogram, step)
        shares = site.per_unit.positive[np.isfinite(site.per_unit.positive)]
        if len(shares):
            writer.add_histogram(tag("units_positive", site), shares, step, bins=_SHARES)


def _add_histogram(writer: SummaryWriter, name: str, site: Site, histogram: Histogram, step: int) -> None:
    """The counts as they are. Their sum is that of the mean, which is of all values and not of a sample of them."""
    counts = histogram.counts
    filled = np.flatnonzero(counts)
    if not len(filled):
        return
    first, last = int(filled[0]), int(filled[-1]) + 1
    number = int(counts.sum())
    mean, square = site.layer.input_mean, site.layer.input_scale**2 + site.layer.input_mean**2
    writer.add_histogram_raw(
        name,
        min=float(histogram.edges[first]),
        max=float(histogram.edges[last]),
        num=number,
        sum=number * mean if math.isfinite(mean) else 0.0,
        sum_squares=number * square if math.isfinite(square) else 0.0,
        bucket_limits=histogram.edges[first + 1 : last + 1].tolist(),
        bucket_counts=counts[first:last].tolist(),
        global_step=step,
    )


def _check(writer: Any, function: str) -> None:
    if not hasattr(writer, "add_histogram_raw"):
        raise ArgumentTypeError(
            f"{function}: `writer` must be a torch.utils.tensorboard.SummaryWriter, got {type(writer).__name__}"
        )
