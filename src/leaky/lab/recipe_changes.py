"""What a study changes in a task's recipe: `field=value` texts, a mapping, or a whole recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leaky.errors import ArgumentError, ArgumentTypeError, unknown_name
from leaky.lab.recipe import Recipe
from leaky.lab.training.fields import FIELDS

Changes = Recipe | str | Sequence[str] | Mapping[str, Any]
_ELSEWHERE = {
    "learning_rate": "it is tuned for every activation; --learning-rate names its grid",
    "activation": "name activations with --activation",
    "seed": "--seed is an option of its own",
}


def changed(base: Recipe, changes: Changes | None, **given: int | None) -> Recipe:
    """`base` with the changes made to it, then those `given` by arguments of their own (epochs, batch_size).

    Args:
        base: the task's recipe.
        changes: "optimizer=adamw" or several such texts, as on the shell; a mapping from fields to values; or a
            `Recipe`, which takes the place of `base`. A momentum in `base` is not another optimizer's.
        given: fields that have an argument of their own; None where it was left out.

    Raises:
        ArgumentError: a field that there is not, or a value that it does not take, or a field named twice.

    Example:
        >>> changed(Recipe(), ["optimizer=adamw", "schedule=cosine"], epochs=5).record()["schedule"]
        'cosine'
    """
    if isinstance(changes, Recipe):
        base = changes
    values = changed_fields(changes, **given)
    for name in FIELDS:  # in this order: an optimizer goes before its momentum
        if name in values:
            base = base.with_level(name, values[name])
    return base


def changed_fields(changes: Changes | None, **given: int | None) -> dict[str, Any]:
    """The fields that are changed and their values; a whole recipe changes none, it is the base of the others."""
    values = {} if isinstance(changes, Recipe) else _values(changes)
    for name, value in given.items():
        if value is not None and name in values:
            raise ArgumentError(f"recipe: `{name}` is given as well, got {value}; leave one of the two out")
    return values | {name: value for name, value in given.items() if value is not None}


def _values(changes: str | Sequence[str] | Mapping[str, Any] | None) -> dict[str, Any]:
    if changes is None:
        return {}
    if isinstance(changes, Mapping):
        return {_known(name): _checked(name, value) for name, value in changes.items()}
    texts = [changes] if isinstance(changes, str) else changes
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise ArgumentTypeError(
            f"recipe: give `field=value` texts, a mapping or a leaky.lab.Recipe, got {type(changes).__name__}"
        )
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise ArgumentError(f"recipe: write `field=value`, such as optimizer=adamw, got {text!r}")
        if _known(name) in found:
            raise ArgumentError(f"recipe: `{name}` is given twice; leave one of the two out")
        if "," in value:
            raise ArgumentError(f"recipe: `{name}` takes one value, got {value!r}; --vary compares several")
        found[name] = FIELDS[name].parse(value, "recipe")
    return found


def _known(name: Any) -> str:
    if name in _ELSEWHERE:
        raise ArgumentError(f"recipe: `{name}` is no field of the recipe: {_ELSEWHERE[name]}")
    if name not in FIELDS:
        raise unknown_name("recipe field", str(name), FIELDS)
    return str(name)


def _checked(name: str, value: Any) -> Any:
    field = FIELDS[name]
    if isinstance(value, str):
        return field.parse(value, "recipe")
    if not field.fits(value):
        raise field.error("recipe", value)
    return value
