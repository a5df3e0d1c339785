"""The report as one HTML file that needs nothing else: no network, no fonts, no second file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaky.extras import require
from leaky.records import Study, Trial
from leaky.report import palette
from leaky.report.figures import study_figures
from leaky.report.interactive import plotly_figures
from leaky.report.rows import table_rows
from leaky.report.shapes import Figure
from leaky.report.text import (
    NONE,
    count_text,
    difference_text,
    duration_text,
    plain,
    rate_text,
    score_text,
    share_text,
)
from leaky.report.verdicts import caveats, findings, introduction, summary

_TEMPLATES = Path(__file__).parent / "templates"


def html_report(study: Study) -> str:
    """The whole page as text."""
    require("plotly", "lab", "the report")
    require("jinja2", "lab", "the report")
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,  # whatever the file is called
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"rate": rate_text, "share": share_text, "duration": duration_text, "minus": _minus}
    figures = study_figures(study)
    scripts = [_script(get_plotlyjs()), _script((_TEMPLATES / "report.js").read_text(encoding="utf-8"))]
    return environment.get_template("report.html.j2").render(
        study=study,
        introduction=introduction(study),
        findings=findings(study),
        caveats=[*caveats(study), *study.notes],
        summary=summary(study),
        rows=table_rows(study),
        figures=figures,
        compared=len(study.arms) > 1,
        margin=difference_text(study.metric, study.margin, sign=False),
        failures=_failures(study.trials),
        trials=[_trial(study, trial) for trial in study.trials],
        finished=max((trial.finished_at for trial in study.trials), default=""),
        final_seeds=count_text(len(study.final_seeds), "seed"),
        tuning_seeds=count_text(len(study.tuning_seeds), "seed"),
        heat=palette.HEAT,
        dark=palette.DARK,
        scripts=[Markup(script) for script in scripts],
        hashes=[_hash(script) for script in scripts],
        data=Markup(_json(figures)),
    )


def _script(text: str) -> str:
    """JavaScript that no HTML parser ends early; browsers hash it with plain line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", text, flags=re.IGNORECASE)


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json(figures: Sequence[Figure]) -> str:
    """All panels as JSON for a script element; what could end the element is written as escapes."""
    import plotly.io

    panels = {
        f"{figure.key}-{place}": json.loads(plotly.io.to_json(drawing, engine="json"))
        for figure in figures
        for place, drawing in enumerate(plotly_figures(figure))
        if not figure.panels[place].empty
    }
    text = json.dumps({"dark": palette.DARK, "panels": panels}, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _failures(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Every error text once, with the trials it ended."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        if trial.error is not None or trial.status == "failed":
            plan = trial.plan
            where = f"{plan.activation}, {plan.phase}, learning rate {rate_text(plan.learning_rate)}, seed {plan.seed}"
            found.setdefault(trial.error or "no error text", []).append(where)
    return [{"error": error, "trials": places} for error, places in found.items()]


def _trial(study: Study, trial: Trial) -> dict[str, str]:
    plan = trial.plan
    return {
        "phase": plan.phase,
        "activation": plain(plan.activation),
        "learning rate": rate_text(plan.learning_rate),
        "seed": str(plan.seed),
        "status": trial.status,
        "score": score_text(study.metric, trial.score),
        "validation": score_text(study.metric, trial.validation_score),
        "never active": share_text(trial.never_active),
        "epochs": str(len(trial.epochs)),
        "time": duration_text(trial.seconds) if trial.seconds else NONE,
        "key": plan.key,
    }


def _minus(text: str) -> str:
    """The typographic minus before a number that stands alone."""
    return re.sub(r"(?:(?<=\s)|^)-(?=\d)", "−", text)
