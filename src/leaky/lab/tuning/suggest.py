"""An activation as a hyperparameter, for people who have an Optuna study of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leaky.catalogue import Spec, parse
from leaky.catalogue.parameter import Parameter
from leaky.errors import ArgumentError, ArgumentTypeError, shown

CHOICES = ("leaky_relu", "relu", "prelu", "elu", "silu", "gelu")
"""What is suggested unless said otherwise."""

_RANGES = {"negative_slope": (0.001, 1.0)}
_WIDTH = 10.0


def suggest_activation(
    trial: Any,
    name: str = "activation",
    choices: Sequence[str] = CHOICES,
    **ranges: tuple[float, float],
) -> Spec:
    """Suggest one of several activations and, for the one chosen, each of its parameters, by any sampler of Optuna's.

    The activation is the categorical parameter `name`; a parameter of it is the float `name.activation.parameter`,
    such as `activation.leaky_relu.negative_slope`, so that names stay what they are when choices are added. It is
    drawn on a logarithmic scale where its range lies above 0, else on a linear one.

    Args:
        trial: an `optuna.Trial`, or whatever has `suggest_categorical` and `suggest_float` as one has.
        name: of the parameter in the study; give another to each of several activations in one model.
        choices: names from the catalogue, whose parameters are suggested, or specs such as "elu(alpha=1.0)", whose
            parameters stay as written. Learned parameters (a PReLU's) keep their start.
        ranges: (lowest, highest) of a parameter, by its name: `negative_slope=(0.01, 0.5)`. By default a
            `negative_slope` is between 0.001 and 1, any other parameter between a tenth of its default and ten times
            that; those whose default is not above 0 are suggested only where a range is given.

    Returns:
        A `Spec`: `str(spec)` is its text, `spec.gain` the He gain, `leaky.nn.activation(spec)` a module.

    Raises:
        ArgumentTypeError: `trial` cannot suggest.
        ArgumentError: an activation is not in the catalogue, a range is none, or no choice has its parameter.

    Example:
        >>> import optuna                                                        # doctest: +SKIP
        >>> def objective(trial):
        ...     spec = leaky.lab.suggest_activation(trial, choices=("leaky_relu", "elu"), negative_slope=(0.01, 0.5))
        ...     return train(leaky.nn.activation(spec))
        >>> optuna.create_study(direction="maximize").optimize(objective, n_trials=50)   # doctest: +SKIP
    """
    for verb in ("suggest_categorical", "suggest_float"):
        if not hasattr(trial, verb):
            raise ArgumentTypeError(
                f"suggest_activation: `trial` must be an optuna.Trial, got {shown(trial)}"
            )
    if isinstance(choices, str) or not choices:
        raise ArgumentError(
            f"suggest_activation: `choices` must be a list of activations, got {shown(choices)}"
        )
    specs = {str(choice): parse(choice) for choice in choices}
    known = {p.name for text, spec in specs.items() for p in _open(text, spec)}
    for asked, given in ranges.items():
        if asked not in known:
            raise ArgumentError(
                f"suggest_activation: no choice has a parameter `{asked}` to suggest; those that there are: "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        _check(asked, given)
    text = trial.suggest_categorical(name, list(specs))
    spec = specs[text]
    entry, values = spec.activation, dict(spec.parameters)
    for parameter in _open(text, spec):
        span = ranges.get(parameter.name) or _usual(parameter)
        if span is not None:
            low, high = (parameter.check(entry.name, end) for end in span)
            values[parameter.name] = trial.suggest_float(
                f"{name}.{entry.name}.{parameter.name}", low, high, log=low > 0
            )
    return Spec(entry, tuple(entry.bind(**values).values()))


def _open(text: str, spec: Spec) -> list[Parameter]:
    """The parameters left open: plain numbers, where the text names none."""
    if "(" in text:
        return []
    return [p for p in spec.activation.parameters if not (p.integer or p.choices or p.series or p.learned)]


def _usual(parameter: Parameter) -> tuple[float, float] | None:
    if parameter.name in _RANGES:
        return _RANGES[parameter.name]
    default = float(parameter.default)
    return (default / _WIDTH, default * _WIDTH) if default > 0 else None


def _check(parameter: str, given: Any) -> None:
    pair = isinstance(given, tuple | list) and len(given) == 2
    if not pair or not all(isinstance(end, int | float) and not isinstance(end, bool) for end in given):
        raise ArgumentError(
            f"suggest_activation: `{parameter}` must be a range (lowest, highest), got {shown(given)}"
        )
    if not given[0] <= given[1]:
        raise ArgumentError(
            f"suggest_activation: the range of `{parameter}` must ascend, got {shown(given)}; swap its ends"
        )
