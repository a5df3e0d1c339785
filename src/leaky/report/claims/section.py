"""A claim's part of the page: verdict, picture, hypotheses, experiment, what was predicted, how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from leaky.records.ledger import Effect, Entry, Forecast
from leaky.report.claims.finding import cell, effects_table, finding, tally, verdict
from leaky.report.text import duration_text

Definitions = Mapping[str, Mapping[str, str]]


def section(entry: Entry, committed: Definitions | None, folder: str) -> str:
    """The part in Markdown; `committed` are the definitions that were committed, `folder` has the pictures."""
    told = [f'<a id="{entry.name}"></a>', f"### {entry.number}. {entry.statement}"]
    told.append(f"*Source:* {entry.made_in}.")
    told.append(f"**{_capital(verdict(entry))}.** {tally(entry)}".strip())
    if entry.remark:
        told.append(f"*In plain words:* {entry.remark}")
    if entry.effects:
        told.append(f"{_capital(finding(entry))}.")
        told.append(f"![{entry.statement}]({folder}/{entry.name}.png)")
        told.append(
            f"<details><summary>All hypotheses</summary>\n\n{effects_table(entry.effects)}\n\n"
            f"{_medians(entry)}\n\n</details>"
        )
    told.append(f"**Experiment.** {entry.experiment}")
    told.append(f"**Literature.** {entry.literature}")
    told.append(_predicted(entry))
    if entry.missing != "not testable":
        told.append(_repeat(entry, committed))
    if entry.outcome is not None and entry.outcome.notes:
        told.append("\n".join(f"- {note}" for note in entry.outcome.notes))
    return "\n\n".join(told)


def _medians(entry: Entry) -> str:
    """The median over seeds of all that hypotheses and orders are about, as it was measured."""
    values = {} if entry.outcome is None else entry.outcome.values
    lines = ["| median over seeds, as measured | |", "| --- | ---: |"]
    lines += [f"| {cell(name)} | {_plain(median(each))} |" for name, each in values.items() if each]
    return "\n".join(lines)


def agreement(entry: Entry) -> str:
    """Whether the ruling is the one that was predicted; empty where nothing was predicted, or nothing measured."""
    if entry.expected is None or entry.ruling is None:
        return ""
    if entry.ruling == "undecided" and entry.expected != "undecided":
        return "open"
    return "yes" if entry.ruling == entry.expected else "no"


def came_out(entry: Entry) -> str:
    """Of the ruling and the numbers that were predicted, how many came out."""
    parts = [agreement(entry)] if agreement(entry) else []
    if entry.forecasts:
        held = sum(forecast.came_out for forecast in entry.forecasts)
        parts.append(f"{held} of {len(entry.forecasts)} numbers")
    return ", ".join(parts)


def _predicted(entry: Entry) -> str:
    ruling = f" Ruling predicted: {entry.expected}; came out: {entry.ruling}." if agreement(entry) else ""
    told = f"**Predicted.** {entry.predicted}{ruling}"
    return "\n".join(
        [
            told,
            *([""] if entry.forecasts else []),
            *(_forecast(each, entry.effects) for each in entry.forecasts),
        ]
    )


def _forecast(forecast: Forecast, effects: tuple[Effect, ...]) -> str:
    told = forecast.prediction
    factor = "(log10)" in told.text or any(
        "log10" in effect.hypothesis.unit and set(told.names) & set(effect.hypothesis.names)
        for effect in effects
    )
    low, high, value = (_number(number, factor) for number in (told.low, told.high, forecast.value))
    asked = low if told.low == told.high else f"{low} to {high}"
    text = told.text.replace(" (log10)", "").rstrip(".")
    return f"- {text}: predicted {asked}, came out {value}: {'yes' if forecast.came_out else 'no'}."


def _number(value: float, factor: bool) -> str:
    if factor and value == value:
        return "×0" if value < -99 else "any" if value > 99 else f"×{10**value:.5g}"
    return _plain(value)


def _plain(value: float) -> str:
    return "no number" if value != value else f"{value:.4g}".replace("-", "−", 1 if value < 0 else 0)


def _repeat(entry: Entry, committed: Definitions | None) -> str:
    told = f"**Repeat.** `{entry.command}`. Defined {entry.defined}"
    outcome = entry.outcome
    if outcome is None:
        return f"{told}."
    when = outcome.measured_at[:16].replace("T", " ")
    told += f" (`{outcome.definition}`), measured {when} UTC in {duration_text(outcome.seconds)}"
    machine = outcome.environment.get("processor") or outcome.environment.get("system", "")
    versions = [
        f"{name} {outcome.environment[name]}" for name in ("torch", "leaky") if name in outcome.environment
    ]
    told += f" of one core ({', '.join(part for part in (machine, *versions) if part)})."
    if committed is not None and committed.get(entry.name, {}).get("definition") != outcome.definition:
        told += " **This definition is not on the list that was committed before.**"
    return told


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
