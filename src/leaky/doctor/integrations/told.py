"""What the doctor says when a training run is over."""

from __future__ import annotations

from leaky.doctor.watch import Watch
from leaky.errors import ArgumentError


def tell(watch: Watch) -> None:
    """Print what was measured in a line, and the verdicts; or why there are none."""
    from rich.console import Console

    from leaky.report.diagnosis import verdict_list
    from leaky.report.diagnosis.table import summary

    console = Console()
    try:
        diagnosis = watch.diagnosis()
    except ArgumentError as error:  # no reason for a run that has trained to fail at its end
        console.print(str(error), markup=False, highlight=False)
        return
    console.print(summary(diagnosis), markup=False, highlight=False)
    console.print(verdict_list(diagnosis.verdicts))
