"""Records in; one self-contained HTML file, PNG files, or a table for the terminal out.

    from leaky import report

    report.write_html(study, "report.html")
    report.write_png(study, "plots")
    rich.print(report.study_table(study))

Importing this loads neither Plotly nor Matplotlib nor Jinja2; each is loaded by the function that draws with it.
"""

from __future__ import annotations

from pathlib import Path

from leaky.records import Study
from leaky.report.across import (
    across_tables,
    control_sentence,
    write_across,
    write_across_csv,
    write_across_markdown,
    write_across_png,
)
from leaky.report.interaction import interaction_sentences, lost_text
from leaky.report.interaction_table import interaction_table
from leaky.report.table import study_table
from leaky.report.tuning import tuning_sentences, tuning_table, write_tuning, write_tuning_png
from leaky.report.verdicts import study_caveats, verdict_sentences
from leaky.report.write import Location, check_directory, check_writable, write_atomically

__all__ = [
    "across_tables",
    "check_directory",
    "check_writable",
    "control_sentence",
    "interaction_sentences",
    "interaction_table",
    "lost_text",
    "study_caveats",
    "study_table",
    "tuning_sentences",
    "tuning_table",
    "verdict_sentences",
    "write_across",
    "write_across_csv",
    "write_across_markdown",
    "write_across_png",
    "write_html",
    "write_png",
    "write_tuning",
    "write_tuning_png",
]


def write_html(study: Study, path: Location) -> Path:
    """Write the whole report as one HTML file that opens without a network; returns its resolved path.

    The file is written whole or not at all. Raises `ArgumentError` where `path` cannot be written and
    `MissingExtraError` without plotly or jinja2.
    """
    target = check_writable(path)
    from leaky.report.html import html_report

    write_atomically(target, html_report(study).encode("utf-8", "replace"), "report")
    return target


def write_png(study: Study, directory: Location) -> list[Path]:
    """Write the report's figures as `1-scores.png` and so on into `directory`; returns the paths.

    The directory is made if it is not there, its parent must be. Each file is written whole or not at all.
    Raises `ArgumentError` where that is not possible and `MissingExtraError` without matplotlib.
    """
    target = check_directory(directory)
    from leaky.report.static import png_files

    made = []
    for name, content in png_files(study):
        target.mkdir(exist_ok=True)
        write_atomically(target / name, content, "png")
        made.append(target / name)
    return made
