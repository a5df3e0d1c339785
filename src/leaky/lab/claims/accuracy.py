"""Claims about accuracy: is a leak better, worse, more robust, and does it still matter with a norm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaky.lab.claims import settings as at
from leaky.lab.claims.claim import Claim
from leaky.lab.claims.comparison import Comparison
from leaky.lab.claims.settings import HOW, gains_more, versus
from leaky.lab.claims.words import BLOG, DEFINED, ESSAY

_PLACES = (at.TWO, at.EIGHT, at.CLOTHES, at.DEEP_CLOTHES)
_COMMON = (at.TWO_COMMON, at.EIGHT_COMMON)
_ARMS = {"ReLU": "relu", **at.leaks("0.01", "0.1", "0.2"), **at.THIRD}
_TOLD = (
    "300 scanned digits and 6,000 pictures of clothes, perceptrons with 2 and 8 hidden layers of 64 units, no "
    "normalisation. The margin is half a percentage point with 2 layers and a whole one with 8. "
)

BETTER = Claim(
    number=1,
    name="better",
    statement="Leaky ReLU gives better accuracy than ReLU.",
    made_in=ESSAY,
    literature="Maas et al. 2013: nearly identical. Xu et al. 2015, CIFAR-10: error 12.66 % with 0.01, 12.45 % "
    "with ReLU, 11.20 % with 1/5.5. caffenet-benchmark: very leaky 0.469, ReLU 0.471.",
    predicted="No practical difference in shallow networks.",
    expected="mixed",
    defined=DEFINED,
    experiment=_TOLD + HOW,
    method=Comparison((*_PLACES, *_COMMON), _ARMS, at.SEEDS, 5),
    hypotheses=tuple(
        h
        for slope in ("0.01", "0.1", "0.2", "1/3")
        for h in versus(
            "score", f"slope {slope}", "ReLU", (*_PLACES, *_COMMON), "higher", f"slope {slope} is better"
        )
    ),
)

WORSE = Claim(
    number=1,
    name="worse",
    statement="Leaky ReLU is on the whole not as good as ReLU.",
    made_in=BLOG,
    literature="As for `better`: none found it worse by more than a quarter of a percentage point.",
    predicted="No practical difference in shallow networks.",
    expected="refuted",
    defined=DEFINED,
    experiment="The trials of `better`, read the other way round. " + _TOLD + HOW,
    method=Comparison(_PLACES, at.RELU_AND_TWO, at.SEEDS, 5),
    hypotheses=tuple(
        h
        for slope in ("0.01", "0.2")
        for h in versus("score", f"slope {slope}", "ReLU", _PLACES, "lower", f"slope {slope} is worse")
    ),
)

_CENTRED = at.of_digits("digits, 3 layers, centred", 3, centred=True)

RAW_INPUTS = Claim(
    number=6,
    name="unit_inputs_accuracy",
    statement="With inputs in (0, 1) Leaky ReLU is not needed: ReLU is as accurate.",
    made_in=BLOG,
    literature="None known; what happens to units is `unit_inputs`.",
    predicted="Unknown.",
    expected=None,
    defined=DEFINED,
    experiment="300 scanned digits, 3 hidden layers, pixels in (0, 1), and with the mean image taken off for "
    "contrast: were it the inputs' range that makes the leak needless, it would be worth more there. The margin is "
    "half a percentage point. " + HOW,
    method=Comparison((at.THREE, _CENTRED), at.RELU_AND_TWO, at.MANY, 5),
    hypotheses=tuple(
        h
        for slope in ("0.01", "0.2")
        for h in (
            *versus("score", f"slope {slope}", "ReLU", (at.THREE,), "same", f"slope {slope} is as accurate"),
            gains_more(
                f"slope {slope}",
                _CENTRED,
                at.THREE,
                "higher",
                at.HALF_PP,
                f"slope {slope} gains more on ReLU with centred pixels than with pixels in (0, 1)",
            ),
        )
    ),
)

_WAYS: Mapping[str, Mapping[str, Any]] = {
    "noise of 0.1": {"noise": 0.1},
    "noise of 0.3": {"noise": 0.3},
    "salt and pepper": {"stains": "salt and pepper"},
    "outliers": {"stains": "outliers"},
}
_SPOILT = tuple(at.of_digits(label, 3, **arguments) for label, arguments in _WAYS.items())
_SPOILT_COMMON = at.with_common_gain(_SPOILT[1])

ROBUST = Claim(
    number=17,
    name="robust",
    statement="Leaky ReLU is more robust to noise and abnormal data than ReLU.",
    made_in=BLOG,
    literature="None known; the Lipschitz constants are equal, and negative outliers pass.",
    predicted="No difference, or slightly worse.",
    expected="refuted",
    defined=DEFINED,
    experiment="300 clean scanned digits, 3 hidden layers. Robust is what loses less: the accuracy on clean test "
    "images less that of the very same networks on images with normal noise of 0.1 or 0.3 on every pixel, or a "
    "tenth of the pixels at 0 or 1, or at -5 or 5; one draw of each. The learning rate is tuned on clean images. "
    "The margin is a percentage point. " + HOW,
    method=Comparison((at.THREE, *_SPOILT, at.THREE_COMMON, _SPOILT_COMMON), at.RELU_AND_TWO, at.MANY, 5),
    hypotheses=tuple(
        gains_more(
            f"slope {slope}",
            spoilt,
            clean,
            "higher",
            at.ONE_PP,
            f"slope {slope} loses less than ReLU, {spoilt.label}",
        )
        for slope in ("0.01", "0.2")
        for spoilt, clean in (*((s, at.THREE) for s in _SPOILT), (_SPOILT_COMMON, at.THREE_COMMON))
    ),
)

BATCH_NORM = Claim(
    number=27,
    name="batch_norm",
    statement="With batch normalisation the leak makes no difference.",
    made_in="implied by the caffenet-benchmark, whose gaps shrink with it",
    literature="caffenet-benchmark with batch norm: ReLU 0.499, RReLU 0.500, PReLU 0.503, ELU 0.498; without: "
    "0.471, 0.478, 0.485, 0.488.",
    predicted="No practical difference; what differs without it differs less with it.",
    expected="supported",
    defined=DEFINED,
    experiment="300 scanned digits, 8 hidden layers, with batch norm before each activation and without. As good "
    "is within a percentage point; and what the leak gains on ReLU without batch norm, less what it gains with it, "
    "is tested for more than a percentage point. " + HOW,
    method=Comparison((at.EIGHT, at.NORMED), at.RELU_AND_TWO, at.MANY, 5),
    hypotheses=tuple(
        h
        for slope in ("0.01", "0.2")
        for h in (
            *versus("score", f"slope {slope}", "ReLU", (at.NORMED,), "same", f"slope {slope} is as good"),
            gains_more(
                f"slope {slope}",
                at.EIGHT,
                at.NORMED,
                "higher",
                at.ONE_PP,
                f"slope {slope} gains more on ReLU without batch norm than with it",
            ),
        )
    ),
)

NO_GUARANTEE = Claim(
    number=29,
    name="no_guarantee",
    statement="Leaky ReLU gives no guarantee of reaching the global minimum.",
    made_in=ESSAY,
    literature="True of every activation in training by gradient descent, so not a property of this one.",
    predicted="Nothing that a measurement could tell apart.",
    expected=None,
    defined=DEFINED,
    experiment="Not testable as a difference between activations, so there is none.",
    method=None,
)

CLAIMS = (BETTER, WORSE, RAW_INPUTS, ROBUST, BATCH_NORM, NO_GUARANTEE)
