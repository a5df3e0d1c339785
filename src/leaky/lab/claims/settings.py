"""What the claims about training share: settings, arms, and words for how they are measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from leaky.lab.claims.comparison import Setting
from leaky.lab.claims.problems import clothes, digits
from leaky.records.ledger import Direction, Hypothesis

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
DEEP_RATES = (0.0003, 0.0006, 0.001, 0.002, 0.004, 0.01)
HALF_PP, ONE_PP = 0.005, 0.01
"""Margins: half a percentage point where a pilot's paired differences spread by some 0.4 pp (2 and 3 layers), one
where they spread by 1.5 and more (8 layers and deeper)."""
TENTH = 0.0414
"""10 %, in log10."""

MANY, SEEDS, FEW = 60, 40, 30
"""Final seeds: of what trains in a tenth of a second, in some tenths, and in a second or more."""

HOW = (
    "For every arm in every setting the learning rate is tuned over five or six values on five seeds, on "
    "validation data by the measure that is compared: by clean accuracy where that is of noisy or of training "
    "data, by loss where it is a gap. Where the best is at the grid's edge one value beyond is tried, and where "
    "that is best nothing is decided. Then fresh paired seeds, whose number was fixed by a pilot of which only the "
    "spread of differences was printed. A seed draws weights, batches and the validation split, on this one draw "
    "of the data. Networks start from the same draws times the activation's own gain, in settings with the common "
    "gain all times the square root of 2."
)


def of_digits(
    label: str,
    hidden: int,
    *,
    train: int = 300,
    rates: tuple[float, ...] = RATES,
    repeats: int = MANY,
    recipe: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Setting:
    """`train` scanned digits and a perceptron of `hidden` layers."""
    return Setting(
        label, digits, rates, {"hidden": hidden, "train": train, **arguments}, recipe or {}, repeats=repeats
    )


def with_common_gain(setting: Setting) -> Setting:
    """The same, every arm's weights drawn with the gain of ReLU."""
    return replace(
        setting, label=f"{setting.label}, common gain", arguments={**setting.arguments, "gain": "common"}
    )


TWO = of_digits("digits, 2 layers", 2)
THREE = of_digits("digits, 3 layers", 3)
EIGHT = of_digits("digits, 8 layers", 8)
NARROW = of_digits("digits, 8 layers of 16", 8, width=16)
DEEP = of_digits("digits, 30 layers", 30, rates=DEEP_RATES, repeats=SEEDS, epochs=120)
NORMED = of_digits("digits, 8 layers, batch norm", 8, recipe={"normalisation": "batch"})
CLOTHES = Setting("clothes, 2 layers", clothes, RATES, {"hidden": 2}, repeats=SEEDS)
DEEP_CLOTHES = Setting("clothes, 8 layers", clothes, RATES, {"hidden": 8}, repeats=SEEDS)

TWO_COMMON, THREE_COMMON, EIGHT_COMMON, DEEP_COMMON = map(with_common_gain, (TWO, THREE, EIGHT, DEEP))


def leaks(*slopes: str) -> dict[str, str]:
    """Arms of these slopes."""
    return {f"slope {slope}": f"leaky_relu(negative_slope={slope})" for slope in slopes}


THIRD = {"slope 1/3": "leaky_relu(negative_slope=0.3333333333333333)"}
RELU_AND_TWO = {"ReLU": "relu", **leaks("0.01", "0.2")}


def margin_of(setting: Setting) -> float:
    """The margin of an accuracy in that setting."""
    return HALF_PP if setting.arguments["hidden"] <= 3 else ONE_PP


def versus(
    measure: str,
    arm: str,
    other: str,
    settings: Iterable[Setting],
    direction: Direction,
    words: str,
    *,
    margin: float | None = None,
    unit: str = "accuracy",
) -> tuple[Hypothesis, ...]:
    """One hypothesis a setting: what the claim says of `arm` beside `other`."""
    return tuple(
        Hypothesis(
            f"{words}, {setting.label}",
            (f"{measure}, {arm}, {setting.label}",),
            (f"{measure}, {other}, {setting.label}",),
            direction,
            margin_of(setting) if margin is None else margin,
            unit=unit,
        )
        for setting in settings
    )


def between(
    arm: str,
    first: Setting,
    second: Setting,
    direction: Direction,
    margin: float,
    words: str,
    *,
    measure: str = "score",
    unit: str = "accuracy",
) -> Hypothesis:
    """What the claim says of one arm in the first setting beside the second."""
    names = [f"{measure}, {arm}, {setting.label}" for setting in (first, second)]
    return Hypothesis(words, (names[0],), (names[1],), direction, margin, unit=unit)


def gains_more(
    arm: str,
    first: Setting,
    second: Setting,
    direction: Direction,
    margin: float,
    words: str,
    *,
    base: str = "ReLU",
) -> Hypothesis:
    """What `arm` gains on `base` in the first setting, less what it gains in the second."""
    return Hypothesis(
        words,
        (f"score, {arm}, {first.label}", f"score, {base}, {second.label}"),
        (f"score, {base}, {first.label}", f"score, {arm}, {second.label}"),
        direction,
        margin,
        unit="accuracy",
    )
