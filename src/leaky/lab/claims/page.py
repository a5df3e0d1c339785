"""The ledger as a page: Markdown with a picture per finding, and the numbers beside it as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from leaky.records.ledger import Effect, Entry
from leaky.report.claims.figure import claim_figure
from leaky.report.static import drawn
from leaky.report.text import duration_text, p_text
from leaky.report.write import check_writable, write_atomically

_INTRODUCTION = """\
# What is said of leaky rectifiers, measured

Every statement below was made somewhere, and every one that can be tested has an experiment that could refute it. A
definition, with its hypotheses and margins, is committed before its first result. Written by
`leaky claims --page docs/claims.md`; the numbers are in [{json}]({json}).

How to read it: seeds are paired, so every activation sees the same draws, data and order. An effect is the
Hodges-Lehmann median of the paired differences with its 95 % interval. A hypothesis is supported or refuted only
where the interval lies on one side of the margin *and* Wilcoxon's signed ranks against the margin say so after Holm's
correction over all {family} hypotheses of the ledger. A claim is supported where all its hypotheses are, refuted
where one of them is and none supported, and mixed where there are both. Where nothing is
decided, nobody can tell from this evidence."""

_GROUPS = (
    ("supported", "What holds"),
    ("refuted", "What does not hold"),
    ("mixed", "What depends"),
    ("undecided", "What this evidence does not decide"),
    (None, "Not measured"),
)


def write_page(entries: Sequence[Entry], path: str | Path, *, family: int) -> list[Path]:
    """Write the page, `.json` beside it, and the pictures into `images/claims` beside it; returns the paths.

    Raises `ArgumentError` where one cannot be written.
    """
    target = check_writable(path, "page")
    numbers = target.with_suffix(".json")
    folder = target.parent / "images" / "claims"
    text = markdown(entries, family=family, json_name=numbers.name)
    written = [target, numbers]
    for entry in entries:
        figure = claim_figure(entry)
        if figure is not None:
            folder.mkdir(parents=True, exist_ok=True)
            ((_, content),) = drawn([figure])
            written.append(folder / f"{entry.name}.png")
            write_atomically(written[-1], content, "page")
    rows = [entry.outcome.to_json() for entry in entries if entry.outcome is not None]
    write_atomically(numbers, (json.dumps(rows, indent=1) + "\n").encode(), "page")
    write_atomically(target, text.encode(), "page")
    return written


def markdown(entries: Sequence[Entry], *, family: int, json_name: str = "claims.json") -> str:
    """The page's text."""
    parts = [_INTRODUCTION.format(json=json_name, family=family), _summary(entries)]
    for ruling, title in _GROUPS:
        members = [entry for entry in entries if entry.ruling == ruling]
        if members:
            parts += [f"## {title}", *map(_section, members)]
    return "\n\n".join(parts) + "\n"


def _summary(entries: Sequence[Entry]) -> str:
    lines = ["| | claim | ruling | came out as predicted |", "| --- | --- | --- | --- |"]
    for entry in entries:
        ruling = entry.ruling or entry.missing
        link = f"[{entry.statement}](#{entry.name})"
        lines.append(f"| {entry.number} | {link} | {ruling} | {agreement(entry)} |")
    return "\n".join(lines)


def agreement(entry: Entry) -> str:
    """Whether the ruling is the one that was predicted; empty where nothing was predicted, or nothing is decided."""
    if entry.expected is None or entry.ruling is None:
        return ""
    if entry.ruling == "undecided":
        return "undecided"
    return "yes" if entry.ruling == entry.expected else "no"


def _section(entry: Entry) -> str:
    told = [f'<a id="{entry.name}"></a>', f"### {entry.number}. {entry.statement}"]
    told.append(f"Made in {entry.made_in}. **{_verdict(entry)}**")
    if entry.effects:
        told += [_effects(entry.effects), f"![{entry.statement}](images/claims/{entry.name}.png)"]
    told.append(f"*Experiment.* {entry.experiment}")
    told.append(f"*Literature.* {entry.literature}")
    said = agreement(entry)
    outcome = {"yes": " It came out so.", "no": " It came out otherwise.", "undecided": " It is not decided."}
    told.append(f"*Predicted.* {entry.predicted}{outcome.get(said, '')}")
    if entry.missing != "not testable":
        told.append(_repeat(entry))
    return "\n\n".join(told)


def _verdict(entry: Entry) -> str:
    if entry.ruling is None:
        return f"{entry.missing.capitalize()}."
    held = sum(effect.ruling == "supported" for effect in entry.effects)
    failed = sum(effect.ruling == "refuted" for effect in entry.effects)
    count = len(entry.effects)
    parts = f" Of its {count} hypotheses {held} hold, {failed} do not." if count > 1 else ""
    return f"{entry.ruling.capitalize()}.{parts}"


def _effects(effects: Sequence[Effect]) -> str:
    lines = ["| hypothesis | effect | 95 % interval | margin | p (Holm) | ruling |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | --- |")
    for effect in effects:
        told, reference = effect.hypothesis, effect.hypothesis.reference
        ends = [reference + end for end in (effect.interval.low, effect.interval.high)]
        interval = f"{_number(ends[0])} to {_number(ends[1])}"
        margin = f"{_number(reference)} ± {told.margin:g}" if reference else f"± {told.margin:g}"
        estimate = f"{_number(reference + effect.interval.estimate)} {told.unit}".strip()
        row = (told.text, estimate, interval, margin, p_text(effect.p_holm), effect.ruling)
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "-"


def _repeat(entry: Entry) -> str:
    told = f"*Repeat.* `{entry.command}`; defined {entry.defined}"
    outcome = entry.outcome
    if outcome is None:
        return f"{told}."
    machine = outcome.environment.get("processor") or outcome.environment.get("system", "")
    told += f", measured {outcome.measured_at[:10]} by definition `{outcome.definition}`"
    told += f" on {len(outcome.seeds)} seeds in {duration_text(outcome.seconds)}"
    told += f" ({machine}, torch {outcome.environment.get('torch', '-')})."
    return " ".join([told, *outcome.notes])
