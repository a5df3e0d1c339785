"""The diagnosis as users get it: the record of what was measured, and what the doctor says of it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaky.doctor.rules import verdicts
from leaky.records import diagnosis as records
from leaky.records.verdict import Verdict
from leaky.report.write import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType


@dataclass(frozen=True, repr=False)
class Diagnosis(records.Diagnosis):
    """What was measured at every site of a model; `print(diagnosis)` shows it with the verdicts.

    `diagnosis["layer1.0.relu"]` is a site, `diagnosis.verdicts` the doctor's word on all of them,
    `diagnosis.report("report.html")` writes the pictures.
    """

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """See `leaky.doctor.verdicts`."""
        return verdicts(self)

    def report(self, path: Location, *, command: str = "") -> Path:
        """Write one self-contained HTML file; returns its resolved path. `command` is shown as how to repeat it."""
        from leaky.report.diagnosis import write_diagnosis

        return write_diagnosis(self, self.verdicts, path, command=command)

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the verdicts; what is not a finite number is None."""
        return {**super().to_json(), "verdicts": [verdict.to_json() for verdict in self.verdicts]}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """A table of the sites that fits the terminal, then the verdicts."""
        from leaky.report.diagnosis import diagnosis_table, verdict_list

        yield diagnosis_table(self, width=options.max_width)
        yield ""
        yield verdict_list(self.verdicts)

    def __str__(self) -> str:
        from rich.console import Console

        text = io.StringIO()
        Console(file=text, width=100, color_system=None).print(self)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def __repr__(self) -> str:
        kinds = ", ".join(verdict.kind for verdict in self.verdicts)
        return f"<Diagnosis of {self.model}: {len(self)} sites, {self.samples} samples; {kinds}>"
