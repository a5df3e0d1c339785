"""Several studies in one report: an HTML page, PNG files, a CSV, Markdown, a table for the terminal.

Importing this loads neither Plotly nor Matplotlib nor Jinja2.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from leaky.records import Across
from leaky.report.across.controls import control_sentence
from leaky.report.across.table import across_tables
from leaky.report.write import Location, check_directory, check_writable, write_atomically

__all__ = [
    "across_tables",
    "control_sentence",
    "write_across",
    "write_across_csv",
    "write_across_markdown",
    "write_across_png",
]


def write_across(across: Across, path: Location) -> Path:
    """Write the whole report as one HTML file that opens without a network; returns its resolved path.

    Raises `ArgumentError` where `path` cannot be written and `MissingExtraError` without plotly or jinja2.
    """
    target = check_writable(path, "html")
    from leaky.report.across.page import across_page

    write_atomically(target, across_page(across).encode("utf-8", "replace"), "html")
    return target


def write_across_png(across: Across, directory: Location) -> list[Path]:
    """Write the figures as `1-together.png` and so on into `directory`; returns the paths."""
    target = check_directory(directory)
    from leaky.report.across.figures import across_figures
    from leaky.report.static import drawn

    made = []
    for name, content in drawn(across_figures(across)):
        target.mkdir(exist_ok=True)
        write_atomically(target / name, content, "png")
        made.append(target / name)
    return made


def write_across_csv(across: Across, path: Location) -> Path:
    """Write one row per study and activation, in the metric's own unit; empty cells where there is nothing."""
    target = check_writable(path, "csv")
    from leaky.report.across.rows import FIELDS, records

    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records(across))
    write_atomically(target, text.getvalue().encode(), "csv")
    return target


def write_across_markdown(across: Across, path: Location) -> Path:
    """Write the tables and sentences of the report as Markdown."""
    target = check_writable(path, "markdown")
    from leaky.report.across.markdown import across_markdown

    write_atomically(target, across_markdown(across).encode("utf-8", "replace"), "markdown")
    return target
