"""From what a store has to the ledger's entries: effects over the whole family, rulings, forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from leaky.lab.claims import table
from leaky.lab.claims.claim import Claim
from leaky.lab.claims.kept import KeptClaims
from leaky.lab.claims.remarks import remark
from leaky.lab.claims.verdicts import effect_of, forecast, rule, together
from leaky.records.ledger import Effect, Entry, Outcome


def entries(kept: KeptClaims, budget: str, failed: Mapping[str, str] | None = None) -> list[Entry]:
    """The whole ledger, as far as the store has it; `failed` says of claims what was raised."""
    found: list[Entry] = []
    places: list[slice] = []
    effects: list[Effect] = []
    for claim in table.CLAIMS.values():
        outcome = kept.outcome(claim, budget)
        current = outcome is not None and outcome.definition == claim.definition(budget)
        place = len(effects)
        if outcome is not None and current:
            effects += [effect_of(h, outcome.values, outcome.at_edge) for h in claim.hypotheses]
        places.append(slice(place, len(effects)))
        missing = _missing(claim, outcome, current, (failed or {}).get(claim.name))
        found.append(_entry(claim, outcome if current else None, missing))
    ruled = rule(effects, table.family())
    return [_ruled(entry, ruled[place]) for entry, place in zip(found, places, strict=True)]


def _entry(claim: Claim, outcome: Outcome | None, missing: str) -> Entry:
    names = Entry.__dataclass_fields__
    words = {name: getattr(claim, name) for name in Claim.__dataclass_fields__ if name in names}
    values = {} if outcome is None else outcome.values
    told = tuple(forecast(each, values) for each in claim.predictions) if values else ()
    return Entry(**words, command=claim.command, outcome=outcome, missing=missing, forecasts=told)


def _ruled(entry: Entry, effects: list[Effect]) -> Entry:
    if not effects:
        return entry
    ruling = together((effect.ruling for effect in effects), universal=entry.universal)
    told = "" if entry.outcome is None or entry.outcome.budget == "smoke" else remark(entry.name, ruling)
    return replace(entry, effects=tuple(effects), ruling=ruling, remark=told)


def _missing(claim: Claim, outcome: Outcome | None, current: bool, error: str | None) -> str:
    if claim.method is None:
        return "not testable"
    if error is not None:
        return f"failed: {error}"
    if outcome is None:
        return "not measured"
    return "" if current else "measured by another definition"
