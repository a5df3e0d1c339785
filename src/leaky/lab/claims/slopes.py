"""Claims about the size of the slope: small, large, and so large that the network is linear."""

from __future__ import annotations

from dataclasses import replace

from leaky.lab.claims import settings as at
from leaky.lab.claims.claim import Claim
from leaky.lab.claims.comparison import Comparison, Setting
from leaky.lab.claims.problems import spirals
from leaky.lab.claims.settings import HOW, between, versus
from leaky.lab.claims.words import BLOG, DEFINED, ESSAY
from leaky.records.ledger import Prediction

_SEEN = (
    "A pilot was seen before this was defined: with 30 layers slope 0.05 reached an accuracy of 0.67 and slope 0.5 "
    "of 0.83, at one learning rate. "
)
_LAYERS = (at.THREE, at.DEEP)
_SWEEP, _FEW = at.leaks("0.01", "0.1", "0.3"), at.leaks("0.01", "0.2")
_COMMON = tuple(replace(setting, arms=_FEW) for setting in (at.THREE_COMMON, at.DEEP_COMMON))

SMALL_SLOPE = Claim(
    number=12,
    name="small_slope",
    statement="A small slope of about 0.01 is the one to prefer.",
    made_in=ESSAY,
    literature="Xu et al. 2015: 1/5.5 better than 0.01 on all three of their data sets.",
    predicted="A flat optimum, so that there is nothing to prefer.",
    expected="refuted",
    defined=DEFINED,
    experiment="300 scanned digits, 3 and 30 hidden layers, no normalisation; with the common gain slope 0.2 only. "
    "Preferred is better by half a percentage point with 3 layers and by a whole one with 30. " + _SEEN + HOW,
    method=Comparison((*_LAYERS, *_COMMON), _SWEEP, at.MANY, 5),
    hypotheses=(
        *(
            h
            for other in ("0.1", "0.3")
            for h in versus(
                "score",
                "slope 0.01",
                f"slope {other}",
                _LAYERS,
                "higher",
                f"slope 0.01 is better than {other}",
            )
        ),
        *versus(
            "score",
            "slope 0.01",
            "slope 0.2",
            _COMMON,
            "higher",
            "slope 0.01 is better than 0.2",
        ),
    ),
)

DEEP_PREFERS_LARGER = Claim(
    number=12,
    name="deep_prefers_larger",
    statement="Deep networks without normalisation do better with a slope larger than 0.01.",
    made_in="implied by Xu et al. 2015",
    literature="Xu et al. 2015: 1/5.5 better than 0.01. Larger slopes keep inputs apart through 50 random layers.",
    predicted="Deep networks prefer larger slopes.",
    expected="supported",
    defined=DEFINED,
    experiment="The trials of `small_slope` with 30 hidden layers. The margin is a percentage point. "
    + _SEEN
    + HOW,
    method=Comparison((at.DEEP, _COMMON[1]), _SWEEP, at.SEEDS, 5),
    hypotheses=(
        *(
            h
            for other in ("0.1", "0.3")
            for h in versus(
                "score",
                f"slope {other}",
                "slope 0.01",
                (at.DEEP,),
                "higher",
                f"slope {other} is better than 0.01",
            )
        ),
        *versus(
            "score",
            "slope 0.2",
            "slope 0.01",
            _COMMON[1:],
            "higher",
            "slope 0.2 is better than 0.01",
        ),
    ),
)

_ONE = at.of_digits("digits, 1 layer", 1)

SLOPE_ONE = Claim(
    number=12,
    name="slope_one",
    statement="With slope 1 a network of any depth does what a linear model does.",
    made_in="implied by the definition",
    literature="Exactly linear, and of full rank here; gradient descent through many layers is another path to it.",
    predicted="A linear model's accuracy.",
    expected="supported",
    defined=DEFINED,
    experiment="300 scanned digits: slope 1 in 3 and 30 hidden layers of 64 units beside slope 1 in a single one, "
    "which can be any linear model of 64 pixels. As good is within a percentage point. " + _SEEN + HOW,
    method=Comparison((_ONE, at.THREE, at.DEEP), at.leaks("1.0"), at.SEEDS, 5),
    hypotheses=tuple(
        between(
            "slope 1.0", deep, _ONE, "same", at.ONE_PP, f"slope 1 is as good as a linear model, {deep.label}"
        )
        for deep in (at.THREE, at.DEEP)
    ),
)

_SPIRAL_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
_SPIRALS = Setting("spirals", spirals, _SPIRAL_RATES, repeats=at.SEEDS)
_HARDER = Setting("spirals of 3 turns", spirals, _SPIRAL_RATES, {"turns": 3.0}, repeats=at.SEEDS)
_SPIRALS_COMMON = at.with_common_gain(_SPIRALS)

TOO_LARGE = Claim(
    number=13,
    name="too_large",
    statement="A slope that is too large makes the network linear, so that it no longer separates what is not "
    "linear.",
    made_in=ESSAY,
    literature="Exactly linear at slope 1.",
    predicted="Accuracy falls steadily, to a linear model's at slope 1.",
    expected="supported",
    defined=DEFINED,
    experiment="Two spirals of two turns, 3 hidden layers, each slope beside 0.01. At slopes 0.5, 0.7 and 0.9 more "
    "than 2 pp are lost, at slope 1 more than 10. " + HOW,
    method=Comparison((_SPIRALS,), at.leaks("0.01", "0.3", "0.5", "0.7", "0.9", "1.0"), at.SEEDS, 5),
    hypotheses=tuple(
        h
        for slope, lost in (("0.5", 0.02), ("0.7", 0.02), ("0.9", 0.02), ("1.0", 0.1))
        for h in versus(
            "score",
            f"slope {slope}",
            "slope 0.01",
            (_SPIRALS,),
            "lower",
            f"slope {slope} loses more than {100 * lost:.0f} pp",
            margin=lost,
        )
    ),
    predictions=(
        Prediction(
            "A line through the middle separates few points of two spirals: an accuracy from 0.5 to 0.7 at slope 1.",
            (f"score, slope 1.0, {_SPIRALS.label}",),
            0.5,
            0.7,
        ),
    ),
)

SPIRALS = Claim(
    number=15,
    name="spirals",
    statement="Leaky ReLU is like a linear function, and therefore poor at complex classification.",
    made_in=BLOG,
    literature="Any slope but 1 gives a universal approximator.",
    predicted="No loss.",
    expected="refuted",
    defined=DEFINED,
    experiment="Two spirals of two turns, and harder ones of three, 3 hidden layers. The margin is a percentage "
    "point. " + HOW,
    method=Comparison((_SPIRALS, _SPIRALS_COMMON, _HARDER), at.RELU_AND_TWO, at.SEEDS, 5),
    hypotheses=tuple(
        h
        for slope in ("0.01", "0.2")
        for h in versus(
            "score",
            f"slope {slope}",
            "ReLU",
            (_SPIRALS, _SPIRALS_COMMON, _HARDER),
            "lower",
            f"slope {slope} is worse",
            margin=at.ONE_PP,
        )
    ),
)

CLAIMS = (SMALL_SLOPE, DEEP_PREFERS_LARGER, SLOPE_ONE, TOO_LARGE, SPIRALS)
