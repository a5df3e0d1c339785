"""The report across studies as Markdown, for a page of documentation or an issue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leaky.records import Across
from leaky.report.across.controls import control_sentence
from leaky.report.across.page import lead, title
from leaky.report.across.rows import cost_rows, overall_rows, study_rows
from leaky.report.text import metric_label, plain
from leaky.report.verdicts import introduction, study_caveats, verdict_sentences


def across_markdown(across: Across) -> str:
    """Tables and sentences of the page, without its figures."""
    parts = [f"# {title(across)}", _escape(lead(across)), _escape(control_sentence(across.controls))]
    if len(across.studies) > 1:
        parts.append(
            _table(
                ("study", "metric", "baseline", "seeds", "trials", "diverged, failed", "verdicts"),
                (
                    (r.name, r.metric, r.baseline, r.seeds, r.trials, r.lost, r.verdicts)
                    for r in study_rows(across)
                ),
            )
        )
    if len(across.studies) > 1 and across.overall:
        parts += [
            "## All together",
            _table(
                ("activation", "runs", "normalised score", "optimality gap", "probability of improvement"),
                (
                    (
                        r.activation, r.runs, _with(r.score, r.score_interval), _with(r.gap, r.gap_interval),
                        _with(r.probability, r.probability_interval),
                    )
                    for r in overall_rows(across)
                ),
            ),
        ]  # fmt: skip
    for name, study in across.studies:
        metric = metric_label(study.metric, unit=False)
        heads = (
            "activation", "learning rate", metric, "paired improvement", "probability", "p (Holm)", "never active",
            "diverged", "time", "kept bytes", "verdict",
        )  # fmt: skip
        rows = [
            (
                c.row.activation, c.row.learning_rate, _with(c.row.score, c.row.score_interval),
                _with(c.row.improvement, c.row.improvement_interval),
                _with(c.row.probability, c.row.probability_interval), c.row.p_holm, c.row.never_active, c.diverged,
                c.time, c.saved, c.row.verdict,
            )
            for c in cost_rows(across, name, study)
        ]  # fmt: skip
        parts += [f"## {_escape(plain(name))}", _escape(introduction(study)), _table(heads, rows)]
        sentences = [*verdict_sentences(study)[1:], *study_caveats(study), *study.notes]
        parts.append("\n".join(f"- {_escape(plain(sentence))}" for sentence in sentences))
        parts.append(f"```console\n$ {plain(study.command)}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_escape(str(cell)) for cell in line) + " |" for line in lines)


def _with(estimate: str, interval: str) -> str:
    return f"{estimate} ({interval})" if interval else estimate


def _escape(text: str) -> str:
    """What a Markdown reader would take for its own: bars, emphasis, HTML."""
    for sign in "\\|*_`<>[]":
        text = text.replace(sign, f"\\{sign}")
    return text
