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
from leaky.report.gather import silent_share
from leaky.report.interactive import plotly_figures
from leaky.report.rows import table_rows
from leaky.report.shapes import Figure
from leaky.report.text import (
    NONE,
    count_text,
    difference_text,
    duration_text,
    metric_label,
    plain,
    rate_text,
    score_text,
    share_text,
)
from leaky.report.verdicts import findings, introduction, study_caveats, summary

_SYMBOLS = {
    "circle": "M9 7a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "square": "M9.4 3.4h7.2v7.2h-7.2z",
    "diamond": "M13 2l5 5l-5 5l-5-5z",
    "triangle-up": "M13 2l5 9h-10z",
    "triangle-down": "M13 12l5-9h-10z",
    "pentagon": "M13 2l5 3.8l-1.9 5.7h-6.2l-1.9-5.7z",
    "star": "M13 1l1.6 4.1l4.4.2l-3.4 2.8l1.1 4.3l-3.7-2.4l-3.7 2.4l1.1-4.3l-3.4-2.8l4.4-.2z",
    "hexagon": "M13 2l4.4 2.5v5l-4.4 2.5l-4.4-2.5v-5z",
}
"""The marker symbols as paths around (13, 7), for the legend."""

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
    environment.filters |= {
        "rate": rate_text,
        "share": share_text,
        "duration": duration_text,
        "type": _typeset,
        "breakable": _breakable,
    }
    figures = study_figures(study)
    scripts = [_script(get_plotlyjs()), _script((_TEMPLATES / "report.js").read_text(encoding="utf-8"))]
    return environment.get_template("report.html.j2").render(
        study=study,
        metric=metric_label(study.metric, unit=False),
        introduction=introduction(study),
        findings=findings(study),
        caveats=[*study_caveats(study), *study.notes],
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
        symbols=_SYMBOLS,
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
            plan, rate = trial.plan, rate_text(trial.plan.learning_rate)
            where = f"{plan.activation}, {plan.phase}, learning rate {rate}, seed {plan.seed}"
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
        "never active": share_text(silent_share(trial)),
        "epochs": str(len(trial.epochs)),
        "time": duration_text(trial.seconds) if trial.seconds else NONE,
        "key": plan.key,
    }


def _typeset(text: str) -> str:
    """The typographic minus before a number that stands alone, and units that stay with their numbers."""
    text = re.sub(r"(?:(?<=\s)|^)-(?=\d)", "−", text)
    return re.sub(r"(?<=\d) (?=(?:%|pp)(?!\w))", "\u00a0", text)


def _breakable(activation: str) -> Any:
    """A place to break a long spec: after its bracket and its commas."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"(\(|, )", r"\1<wbr>", str(escape(activation))))
