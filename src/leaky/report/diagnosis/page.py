"""The report of a diagnosis as one HTML file: the verdicts, the figures, the table of sites."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from leaky.records.diagnosis import DEFINITIONS, Diagnosis
from leaky.records.verdict import Verdict
from leaky.report.diagnosis.figures import diagnosis_figures
from leaky.report.diagnosis.rows import site_rows
from leaky.report.diagnosis.table import summary
from leaky.report.page import render
from leaky.report.text import plain

_CHIPS = {"fault": "worse", "warning": "undecided", "note": "note", "healthy": "better"}
"""The colours are those of the lab's verdicts."""


def diagnosis_page(diagnosis: Diagnosis, verdicts: Sequence[Verdict], command: str = "") -> str:
    """The whole page as text."""
    figures = diagnosis_figures(diagnosis)
    return render(
        "diagnosis.html.j2",
        figures,
        {"plain": plain, "words": lambda kind: kind.replace("_", " "), "code": _code},
        diagnosis=diagnosis,
        summary=summary(diagnosis),
        lead=_lead(verdicts),
        verdicts=verdicts,
        chips=_CHIPS,
        rows=site_rows(diagnosis),
        ranked=any(site.layer.effective_rank > 0 for site in diagnosis.sites),
        definitions=DEFINITIONS,
        command=command,
    )


def _code(text: str) -> Any:
    """What stands between backticks, as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def _lead(verdicts: Sequence[Verdict]) -> str:
    faults = sum(verdict.severity == "fault" for verdict in verdicts)
    warnings = sum(verdict.severity == "warning" for verdict in verdicts)
    told = [
        f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((faults, "fault"), (warnings, "warning")) if n
    ]
    return " and ".join(told) if told else "Nothing that asks for a change"
