"""What a study varies besides the activation: one or two fields of the recipe, each at several levels."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leaky.errors import ArgumentError, UnknownNameError
from leaky.lab.design import Design
from leaky.lab.recipe import Recipe
from leaky.lab.training.fields import FIELDS
from leaky.records import Factor

Vary = str | Sequence[str] | Mapping[str, Iterable[Any]]
_MOST = 2
_ELSEWHERE = {
    "learning_rate": "it is tuned for every combination; --learning-rate names its grid",
    "activation": "name activations with --activation",
    "seed": "--seeds says how many there are",
}


def factors(vary: Vary | None) -> tuple[Factor, ...]:
    """The factors named by `field=level,level` texts, or by a mapping from fields to levels.

    Raises `ArgumentError` in one line that names what is allowed.
    """
    if vary is None:
        return ()
    if isinstance(vary, str):
        vary = [vary]
    pairs = list(vary.items()) if isinstance(vary, Mapping) else [_split(text) for text in vary]
    if len(pairs) > _MOST:
        raise ArgumentError(f"vary: {_MOST} factors at most, got {', '.join(name for name, _ in pairs)}")
    found = tuple(Factor(name, _levels(name, levels)) for name, levels in pairs)
    if len({factor.name for factor in found}) < len(found):
        raise ArgumentError(f"vary: `{found[0].name}` is named twice; give all its levels at once")
    return found


def designs(design: Design, recipe: Recipe, varied: tuple[Factor, ...]) -> tuple[Design, ...]:
    """The design under every combination of levels, the first levels first; alone where nothing is varied."""
    made: dict[str, Design] = {}
    for levels in itertools.product(*(factor.levels for factor in varied)):
        here = recipe
        for factor, level in zip(varied, levels, strict=True):
            here = here.with_level(factor.name, FIELDS[factor.name].parse(level))
        label = ", ".join(f"{factor.name}={level}" for factor, level in zip(varied, levels, strict=True))
        record = here.record()
        same = next((other.label for other in made.values() if other.recipe == record), None)
        if same is not None:
            raise ArgumentError(f"vary: {same} and {label} train alike; leave one out")
        made[label] = replace(design, recipe=record, label=label, levels=levels)
    return tuple(made.values())


def _split(text: str) -> tuple[str, list[str]]:
    name, equals, levels = text.partition("=")
    if not equals:
        raise ArgumentError(
            f"vary: write `field=level,level`, such as initialisation=he,xavier, got {text!r}"
        )
    return name.strip(), [level.strip() for level in levels.split(",")]


def _levels(name: str, levels: Iterable[Any]) -> tuple[str, ...]:
    if name in _ELSEWHERE:
        raise ArgumentError(f"vary: `{name}` is no field of the recipe: {_ELSEWHERE[name]}")
    if name not in FIELDS:
        raise UnknownNameError(f"vary: unknown field `{name}`; known are {', '.join(FIELDS)}")
    field = FIELDS[name]
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise ArgumentError(f"vary: the levels of `{name}` must be a list, got {levels!r}")
    values = [field.parse(level) if isinstance(level, str) else level for level in levels]
    for value in values:
        if not field.fits(value):
            raise field.error("vary", value)
    texts = [
        field.text(float(value) if field.kind == "number" and value is not None else value)
        for value in values
    ]
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise ArgumentError(f"vary: `{name}` has the level {twice} twice")
    if len(texts) < 2:
        raise ArgumentError(f"vary: `{name}` needs at least two levels, got {', '.join(texts) or 'none'}")
    return tuple(texts)
