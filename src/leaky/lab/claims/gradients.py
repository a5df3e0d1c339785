"""Claims about gradients on their way back through random networks: vanishing, exploding, and what decides."""

from __future__ import annotations

import math

from leaky.catalogue import parse
from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.signals import RandomNetwork, gain_of
from leaky.lab.claims.words import DEFINED, ESSAY, leaky, says
from leaky.records.ledger import Prediction


def gradients(
    seed: int, *, activations: list[str], gains: list[str], depths: list[int], width: int, samples: int
) -> Values:
    """How gradients grow or shrink on their way to the first layer, by depth, gain and activation."""
    found = {}
    for depth in depths:
        network = RandomNetwork(seed, depth, width, samples)
        for text in activations:
            spec = parse(text)
            for gain in gains:
                ratio = network.gradient_ratio(spec, gain_of(spec, gain))
                found[f"{text}, gain {gain}, {depth} layers"] = ratio
    return found


SIZES = {"width": 256, "samples": 16}
SMOKE = {"width": 32, "samples": 4}
_RATIO = "log10(gradient at the first layer / at the last)"
_LEAKS = ("0.01", "0.2", "1/3")
_BOTH = Measurement(
    gradients,
    {
        "activations": ["relu", *map(leaky, _LEAKS)],
        "gains": ["1", "sqrt(2)", "own"],
        "depths": [10, 50, 100],
        **SIZES,
    },
    SMOKE,
)
HOW = (
    "Fully connected networks of 256 units, normal weights, inputs of second moment 1; the first layer's gain is 1, "
    "from the second on that of the arm; a random gradient sent back from the last layer's outputs to the first "
    "one's pre-activations"
)


def _keeps(text: str, gain: str, depth: int, words: str) -> tuple[str, str]:
    return (
        f"{words} keeps a hundredth of the gradient through {depth} layers",
        f"{text}, gain {gain}, {depth} layers",
    )


VANISHING = Claim(
    number=7,
    name="vanishing",
    statement="Leaky ReLU prevents vanishing gradients.",
    made_in=ESSAY,
    literature="The slope bounds the derivative of one layer, slope^depth that of a network; He et al. 2015 scale "
    "the weights.",
    predicted="The scale of the weights decides, not the leak: with Xavier's gain of 1 the gradient at the first of "
    "50 layers is 2.2e-8 (3.0e-8 at infinite width) of the last one's for a slope of 0.01, 7e-8 for 0.2.",
    expected="refuted",
    defined=DEFINED,
    experiment=f"{HOW}; gains of 1 (Xavier) and the activation's own (He). Prevented is a gradient of at least a "
    "hundredth, with which the first layer still learns a hundredth as fast as the last.",
    method=_BOTH,
    hypotheses=tuple(
        says(
            *_keeps(leaky(slope), gain, depth, f"slope {slope} at {words}"),
            "higher",
            reference=-2.0,
            unit=_RATIO,
        )
        for slope, gain, depth, words in (
            *((slope, "1", 50, "gain 1") for slope in _LEAKS),
            ("0.2", "1", 10, "gain 1"),
            ("0.2", "1", 100, "gain 1"),
            ("0.01", "own", 100, "its own gain"),
            ("0.2", "own", 100, "its own gain"),
        )
    ),
    predictions=(
        Prediction(
            "2.2e-8 to 3.0e-8, within 1.5 times, at slope 0.01 and gain 1 (log10)",
            (f"{leaky('0.01')}, gain 1, 50 layers",),
            math.log10(2.2e-8 / 1.5),
            math.log10(3.0e-8 * 1.5),
        ),
        Prediction(
            "7.2e-8 to 7.9e-8, within 1.5 times, at slope 0.2 and gain 1 (log10)",
            (f"{leaky('0.2')}, gain 1, 50 layers",),
            math.log10(7.2e-8 / 1.5),
            math.log10(7.9e-8 * 1.5),
        ),
    ),
    universal=True,
)

EXPLODING = Claim(
    number=8,
    name="exploding",
    statement="Leaky ReLU is less prone to exploding gradients than ReLU.",
    made_in=ESSAY,
    literature="The mean square of the derivative is (1 + slope^2) / 2, never below ReLU's 1/2.",
    predicted="With the same weights gradients grow more: by 2.7 (slope 0.2) and 13.6 (1/3) over 50 layers.",
    expected="refuted",
    defined=DEFINED,
    experiment=f"{HOW}. Compared with ReLU's on the same draws, both at sqrt(2) and each at its own gain. Less is "
    "by 12 % (0.05 of log10) at least over 50 layers: less would be lost in a learning rate's choice.",
    method=_BOTH,
    hypotheses=tuple(
        says(
            f"gradients grow less with slope {slope} than with ReLU, {words}",
            f"{leaky(slope)}, gain {gain}, 50 layers",
            "lower",
            0.05,
            than=f"relu, gain {gain}, 50 layers",
            unit=f"difference of {_RATIO}",
        )
        for gain, words in (("sqrt(2)", "the same weights"), ("own", "each at its own gain"))
        for slope in _LEAKS
    ),
    predictions=tuple(
        Prediction(
            f"{factor} times ReLU's, within 20 %, at slope {slope} on the same weights (log10)",
            (f"{leaky(slope)}, gain sqrt(2), 50 layers", "relu, gain sqrt(2), 50 layers"),
            math.log10(factor / 1.2),
            math.log10(factor * 1.2),
        )
        for slope, factor in (("0.2", 2.7), ("1/3", 13.6))
    ),
)

SATURATING = Claim(
    number=9,
    name="saturating",
    statement="Gradients vanish with sigmoid and tanh, and do not with the ReLU family.",
    made_in=ESSAY,
    literature="Glorot, Bengio 2010 for sigmoid; tanh trains deep at the right scale (Saxe et al. 2014).",
    predicted="Sigmoid vanishes at any scale; tanh does not at its own gain of 1.59, and grows at torch's 5/3; the "
    "ReLU family vanishes at a gain of 1.",
    expected="mixed",
    defined=DEFINED,
    experiment=f"{HOW}; every activation at its own gain, at torch's `calculate_gain`, and at 1. Vanished is below "
    "a hundredth after 50 layers.",
    method=Measurement(
        gradients,
        {
            "activations": ["relu", leaky("0.01"), "tanh", "sigmoid"],
            "gains": ["1", "own", "torch"],
            "depths": [50],
            **SIZES,
        },
        SMOKE,
    ),
    hypotheses=(
        *(
            says(
                f"gradients vanish with {name} at {words}",
                f"{name}, gain {gain}, 50 layers",
                "lower",
                reference=-2.0,
                unit=_RATIO,
            )
            for name in ("sigmoid", "tanh")
            for gain, words in (("own", "its own gain"), ("torch", "torch's gain"), ("1", "gain 1"))
            if (name, gain) != ("sigmoid", "1")  # which is torch's
        ),
        *(
            says(
                f"gradients do not vanish with {words}",
                f"{text}, gain {gain}, 50 layers",
                "higher",
                reference=-2.0,
                unit=_RATIO,
            )
            for text, gain, words in (
                ("relu", "own", "ReLU at its own gain"),
                (leaky("0.01"), "own", "slope 0.01 at its own gain"),
                ("relu", "1", "ReLU at gain 1"),
                (leaky("0.01"), "1", "slope 0.01 at gain 1"),
            )
        ),
    ),
    predictions=(
        Prediction(
            "tanh about holds at its own gain: within 100 times", ("tanh, gain own, 50 layers",), -2.0, 2.0
        ),
        Prediction("tanh grows at torch's gain of 5/3 (log10)", ("tanh, gain torch, 50 layers",), 0.0, 300.0),
        Prediction(
            "sigmoid vanishes at its own gain: below a hundredth (log10)",
            ("sigmoid, gain own, 50 layers",),
            -300.0,
            -2.0,
        ),
    ),
)


CLAIMS = (VANISHING, EXPLODING, SATURATING)
