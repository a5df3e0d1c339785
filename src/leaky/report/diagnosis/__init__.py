"""A diagnosis on paper: a table for the terminal, one self-contained HTML file, PNG files.

Importing this loads neither Plotly nor Matplotlib nor Jinja2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leaky.records.diagnosis import Diagnosis
from leaky.records.verdict import Verdict
from leaky.report.diagnosis.table import diagnosis_table, verdict_list
from leaky.report.write import Location, check_directory, check_writable, write_atomically

__all__ = ["diagnosis_table", "verdict_list", "write_diagnosis", "write_diagnosis_png"]


def write_diagnosis(
    diagnosis: Diagnosis, verdicts: Sequence[Verdict], path: Location, *, command: str = ""
) -> Path:
    """Write the verdicts, the figures and the table of sites as one HTML file that opens without a network.

    The file is written whole or not at all; returns its resolved path. `command` is what to type to get it again.
    Raises `ArgumentError` where `path` cannot be written and `MissingExtraError` without plotly or jinja2.
    """
    target = check_writable(path)
    from leaky.report.diagnosis.page import diagnosis_page

    page = diagnosis_page(diagnosis, verdicts, command)
    write_atomically(target, page.encode("utf-8", "replace"), "report")
    return target


def write_diagnosis_png(diagnosis: Diagnosis, directory: Location) -> list[Path]:
    """Write the figures as `1-units.png` and so on into `directory`; returns the paths."""
    target = check_directory(directory)
    from leaky.report.diagnosis.figures import diagnosis_figures
    from leaky.report.static import drawn

    made = []
    for name, content in drawn(diagnosis_figures(diagnosis)):
        target.mkdir(exist_ok=True)
        write_atomically(target / name, content, "png")
        made.append(target / name)
    return made
