"""What came out of a claim in one line."""

from __future__ import annotations

from collections.abc import Sequence

from leaky.records.ledger import Effect, Entry, Ruling
from leaky.report.claims.amounts import Amount, claimed

VERDICTS: dict[Ruling | None, tuple[str, str]] = {
    "supported": ("holds", "What is true"),
    "refuted": ("does not hold", "What is not"),
    "mixed": ("holds in part", "What holds in part"),
    "undecided": ("nobody can tell yet", "What nobody can tell yet"),
    None: ("not measured", "What was not measured"),
}
"""Of every ruling the words for the table, and the title of its part of the page."""


def verdict(entry: Entry) -> str:
    """The ruling in a reader's words."""
    return VERDICTS[entry.ruling][0] if entry.ruling is not None else entry.missing


def finding(entry: Entry) -> str:
    """The clearest of the effects that the ruling rests on: of a mixed one the clearest on either side."""
    if not entry.effects or entry.ruling is None:
        return ""
    sides: tuple[Ruling, ...] = ("supported", "refuted") if entry.ruling == "mixed" else (entry.ruling,)
    told = [clearest([e for e in entry.effects if e.ruling == side]) for side in sides]
    return "; but ".join(effect_text(effect) for effect in told)


def clearest(effects: Sequence[Effect]) -> Effect:
    """The one with the smallest p; of equals that which is farthest from its margin in widths of its interval."""

    def rank(effect: Effect) -> tuple[float, float]:
        interval, told = effect.interval, effect.hypothesis
        width = max(interval.high - interval.low, 1e-12)
        away = abs(abs(interval.estimate) - told.margin) / width
        return (effect.p_holm if effect.p_holm == effect.p_holm else 1.0, -away if away == away else 0.0)

    return min(effects, key=rank)


def effect_text(effect: Effect) -> str:
    """Hypothesis, effect and interval in one phrase; where it is open, why."""
    told, interval = effect.hypothesis, effect.interval
    amount, at = Amount.of(told), told.reference
    ends = _ends(effect)
    said = {"supported": "yes", "refuted": "no", "mixed": "", "undecided": "open"}[effect.ruling]
    why = "" if effect.ruling != "undecided" else f", {effect.reason or f'p {p_holm(effect)}'}"
    return f"{told.text}: {said}, {amount.text(at + interval.estimate)} ({ends}){why}"


def _ends(effect: Effect) -> str:
    """The interval; where every seed gave the same, that."""
    interval, at, found = effect.interval, effect.hypothesis.reference, effect.differences
    if len(found) > 1 and min(found) == max(found):
        return "every seed"
    return Amount.of(effect.hypothesis).between(at + interval.low, at + interval.high)


def tally(entry: Entry) -> str:
    """How many of its hypotheses hold, and how many do not, in a sentence."""
    count, parts = len(entry.effects), hypotheses(entry)
    if count < 2:
        return ""
    if len(parts) == 1 and parts[0].endswith("do not"):
        return "Neither hypothesis holds." if count == 2 else f"None of its {count} hypotheses holds."
    if len(parts) == 1:
        return f"{'Both' if count == 2 else f'All {count}'} hypotheses {parts[0].split(' ', 1)[1]}."
    return f"Of {count} hypotheses {', '.join(parts)}."


def hypotheses(entry: Entry) -> list[str]:
    """How many of its hypotheses hold, how many do not, and how many are open."""
    kinds: tuple[tuple[Ruling, str, str], ...] = (
        ("supported", "hold", "holds"),
        ("refuted", "do not", "does not"),
        ("undecided", "are open", "is open"),
    )
    return counted([effect.ruling for effect in entry.effects], kinds)


def counted(rulings: Sequence[Ruling | None], kinds: Sequence[tuple[Ruling, str, str]]) -> list[str]:
    """How many of each there are, with the word for many or for one."""
    return [
        f"{rulings.count(ruling)} {one if rulings.count(ruling) == 1 else many}"
        for ruling, many, one in kinds
        if ruling in rulings
    ]


def effects_table(effects: Sequence[Effect]) -> str:
    """Every hypothesis with what was claimed of it and what came out."""
    lines = ["| hypothesis | claimed | measured | 95 % interval | pairs | p (Holm) | |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | --- |")
    for effect in effects:
        told, interval = effect.hypothesis, effect.interval
        amount, at = Amount.of(told), told.reference
        pairs = str(effect.pairs) if effect.pairs == effect.asked else f"{effect.pairs} of {effect.asked}"
        reason = f" ({effect.reason})" if effect.reason else ""
        ends = _ends(effect)
        row = (told.text, claimed(told), amount.text(at + interval.estimate), ends, pairs)
        lines.append(f"| {' | '.join(map(cell, row))} | {p_holm(effect)} | {effect.ruling}{cell(reason)} |")
    return "\n".join(lines)


def p_holm(effect: Effect) -> str:
    """The corrected p: small ones by their power of ten."""
    p = effect.p_holm
    return "–" if p != p else f"{p:.3f}" if p >= 0.001 else f"{p:.0e}".replace("e-0", "e-")


def cell(text: str) -> str:
    """`text` in a cell of a table: a bar would end it."""
    return text.replace("|", "\\|")
