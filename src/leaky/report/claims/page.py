"""The ledger as one page of Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from leaky.records.ledger import Entry, Ruling
from leaky.report.claims.finding import VERDICTS, cell, counted, finding, hypotheses, verdict
from leaky.report.claims.section import Definitions, came_out, section

_HEAD = """\
# What is said of leaky rectifiers, measured

Leaky ReLU is `x if x > 0 else negative_slope * x`. Essays, blogs and papers say of it that it is faster, more
accurate, more robust, that it cures dying units and vanishing gradients; and they contradict each other. Here every
statement that can be tested has an experiment that could refute it. {count}

Each experiment was defined, with its hypotheses, margins and predictions, {before}. What is below can be repeated:
one command for all of it, `leaky claims --page docs/claims.md`, and one for each.{machine}"""

_HOW = """\
## How to read it

- Seeds are paired: in each, every activation sees the same draws, data and order. An effect is the Hodges-Lehmann
  median of the paired differences with its 95 % interval. Data sets are small, so that anybody can repeat this; a
  finding is about networks of such a size.
- <a id="trained"></a>{trained}
- *Supported* and *refuted* take two things: the interval lies on one side of the margin, and Wilcoxon's signed ranks
  against the margin have p < 0.05 after Holm's correction over all {family} hypotheses of this page, measured or not.
  That there is no difference is itself a hypothesis here, and takes evidence: an interval within the margins.
- A statement *holds* where all its hypotheses are supported. It *does not hold* where one is refuted and none
  supported, or where it says that something is always so and one case is against it. It *holds in part* where some
  are supported and others refuted. Of everything else *nobody can tell yet* from this evidence. That is how the
  statement was put to the test, and not always what it comes to: what is said *in plain words* was written by hand
  after the results.
- Of predictions the ruling and the numbers are compared; where their words said more, the section tells.
- *An essay* is Schneppat's on Leaky ReLU, *a blog post* one in Chinese on CSDN, in our translation.
- Two rules came after the first results, and no definition has them: differences of less than a millionth are ties,
  which changed no ruling, and pairs in which neither run came down to the loss it is timed to decide nothing.
- A run that diverged counts as the worst of all. Nothing is decided where fewer than nine pairs in ten have a number.
- Every number that a hypothesis or a prediction is about is in [{json}]({json}), seed by seed."""

_VERSIONS = {
    "processor": "{}",
    "cores": "{} cores",
    "system": "{}",
    "python": "Python {}",
    "torch": "torch {}",
    "leaky": "leaky {}",
}

_KINDS: tuple[tuple[Ruling, str, str], ...] = (
    ("supported", "hold", "holds"),
    ("refuted", "do not", "does not"),
    ("mixed", "hold in part", "holds in part"),
    ("undecided", "stay open", "stays open"),
)


def markdown(
    entries: Sequence[Entry],
    *,
    family: int,
    trained: str = "",
    short: str = "",
    committed: Definitions | None = None,
    json_name: str = "claims.json",
    list_name: str = "claims-definitions.json",
    folder: str = "images/claims",
) -> str:
    """The page: a table of all claims, how to read it, then what is true, what is not, what depends, what is open."""
    before = "before it was run" if committed is None else f"[before it was run]({list_name})"
    parts = [
        _filled(
            _HEAD.format(
                count=f"{_count(entries)}\n\n{short}".strip(),
                before=before,
                machine=_machine(entries),
            )
        ),
        _summary(entries),
        _HOW.format(
            json=json_name, family=family, trained=textwrap.fill(trained, 116, subsequent_indent="  ")
        ),
    ]
    for ruling, (_, title) in VERDICTS.items():
        members = [entry for entry in entries if entry.ruling == ruling]
        if members:
            parts += [f"## {title}", *(section(entry, committed, folder) for entry in members)]
    return "\n\n".join(parts) + "\n"


def _filled(text: str) -> str:
    """Paragraphs with lines as long as those of the other pages."""
    return "\n\n".join(
        textwrap.fill(part, 118, break_long_words=False, break_on_hyphens=False)
        for part in text.split("\n\n")
    )


def _count(entries: Sequence[Entry]) -> str:
    rulings = [entry.ruling for entry in entries if entry.ruling is not None]
    if not rulings:
        return "None was measured yet."
    smoke = any(entry.outcome is not None and entry.outcome.budget == "smoke" for entry in entries)
    only = " **With the budget smoke, which shows that they run, and decides nothing.**" if smoke else ""
    return f"Of {len(rulings)} that were measured, {', '.join(counted(rulings, _KINDS))}.{only}"


def _machine(entries: Sequence[Entry]) -> str:
    """When all of it was measured, and on what."""
    outcomes = [entry.outcome for entry in entries if entry.outcome is not None]
    if not outcomes:
        return ""
    days = sorted({outcome.measured_at[:10] for outcome in outcomes})
    told = [{name: outcome.environment.get(name, "") for name in _VERSIONS} for outcome in outcomes]
    machines = dict.fromkeys(
        ", ".join(text.format(each[name]) for name, text in _VERSIONS.items() if each[name]) for each in told
    )
    return f" Measured {' to '.join(dict.fromkeys((days[0], days[-1])))} on {'; '.join(machines)}."


def _summary(entries: Sequence[Entry]) -> str:
    lines = ["| | said | verdict | hypotheses | finding | ruling as predicted |"]
    lines.append("| ---: | --- | --- | --- | --- | --- |")
    for entry in entries:
        link = f"[{cell(entry.statement)}](#{entry.name})"
        row = (
            verdict(entry),
            ", ".join(hypotheses(entry)),
            cell(entry.remark or finding(entry)),
            came_out(entry),
        )
        lines.append(f"| {entry.number} | {link} | {' | '.join(row)} |")
    return "\n".join(lines)
