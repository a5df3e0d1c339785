"""The outcome of `leaky.lab.tune` on paper: a table and sentences for the terminal, one HTML file, PNG files.

Importing this loads neither Plotly nor Matplotlib nor Jinja2.
"""

from __future__ import annotations

from pathlib import Path

from leaky.records import Tuning
from leaky.report.tuning.table import tuning_table
from leaky.report.tuning.words import tuning_sentences
from leaky.report.write import Location, check_directory, check_writable, write_atomically

__all__ = ["tuning_sentences", "tuning_table", "write_tuning", "write_tuning_png"]


def write_tuning(tuning: Tuning, path: Location) -> Path:
    """Write the whole report as one HTML file that opens without a network; returns its resolved path.

    Raises `ArgumentError` where `path` cannot be written and `MissingExtraError` without plotly or jinja2.
    """
    target = check_writable(path)
    from leaky.report.tuning.page import tuning_page

    write_atomically(target, tuning_page(tuning).encode("utf-8", "replace"), "report")
    return target


def write_tuning_png(tuning: Tuning, directory: Location) -> list[Path]:
    """Write the figures as `1-response.png` and so on into `directory`; returns the paths."""
    target = check_directory(directory)
    from leaky.report.static import drawn
    from leaky.report.tuning.figures import tuning_figures

    made = []
    for name, content in drawn(tuning_figures(tuning)):
        target.mkdir(exist_ok=True)
        write_atomically(target / name, content, "png")
        made.append(target / name)
    return made
