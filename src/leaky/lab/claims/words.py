"""Words that claims share: who made them, when they were defined, and hypotheses in a line."""

from __future__ import annotations

from leaky.records.ledger import Direction, Hypothesis

ESSAY = "an essay on Leaky ReLU"
BLOG = "a blog post on Leaky ReLU"
DEFINED = "2026-11-21"


def leaky(slope: str) -> str:
    """The spec of Leaky ReLU with that slope."""
    return f"leaky_relu(negative_slope={slope})"


def says(
    text: str,
    value: str,
    direction: Direction,
    margin: float = 0.0,
    *,
    than: str = "",
    reference: float = 0.0,
    unit: str = "",
) -> Hypothesis:
    """The hypothesis that `value`, less the value `than` where it is named, lies so to `reference` and margin."""
    return Hypothesis(text, (value,), (than,) if than else (), direction, margin, reference, unit)
