"""Claims about RReLU, whose slopes are random while training."""

from __future__ import annotations

from leaky.lab.claims import rrelu
from leaky.lab.claims import settings as at
from leaky.lab.claims.claim import Claim, Measurement
from leaky.lab.claims.comparison import Comparison
from leaky.lab.claims.learned import SIZES
from leaky.lab.claims.settings import HOW, versus
from leaky.lab.claims.words import DEFINED
from leaky.records.ledger import Hypothesis, Prediction

_XU = "Xu et al. 2015"
_NATS = 0.05

RRELU = Claim(
    number=22,
    name="rrelu_regularises",
    statement="Randomized Leaky ReLU regularises: it narrows the gap between training and test.",
    made_in=_XU,
    literature="Xu et al. 2015: the lowest test error on all three data sets, and a high training error.",
    predicted="As Xu et al. found.",
    expected="supported",
    defined=DEFINED,
    experiment="100, 500 and 1,200 scanned digits, 3 hidden layers: test loss less training loss, both in "
    "evaluation mode at the end of training, at the learning rate that is best by validation loss, beside ReLU and "
    "beside the fixed mean slope 11/48, which tells what the randomness alone does. The margin is 0.05 nats. "
    + HOW,
    method=Comparison(
        (*SIZES, at.with_common_gain(SIZES[1])),
        {"ReLU": "relu", "slope 11/48": "leaky_relu(negative_slope=0.22916666666666666)", "RReLU": "rrelu"},
        at.MANY,
        5,
        tuned_on="loss",
    ),
    hypotheses=tuple(
        h
        for other in ("ReLU", "slope 11/48")
        for h in versus(
            "gap",
            "RReLU",
            other,
            (*SIZES, at.with_common_gain(SIZES[1])),
            "lower",
            f"a narrower gap than with {other}",
            margin=_NATS,
            unit="nats",
        )
    ),
)

RRELU_SHIFT = Claim(
    number=22,
    name="rrelu_shift",
    statement="In tests RReLU's mean slope keeps the scale that signals had in training.",
    made_in=f"implied by {_XU} and the frameworks, which rescale nothing",
    literature="E[r^2] = 0.05613 of slopes drawn, 0.05252 of their mean squared.",
    predicted="A second moment smaller by 0.34 % a layer.",
    expected="mixed",
    defined=DEFINED,
    experiment="Random layers of 256 units on normal inputs, with RReLU drawing its slopes and with their mean: "
    "the logarithm of the ratio of second moments after 1 and 50 layers. Kept is within 1 % after one, and within "
    "5 % after 50.",
    method=Measurement(
        rrelu.scales,
        {"depths": [1, 50], "width": 256, "samples": 256},
        {"width": 32, "samples": 32},
        repeats=at.SEEDS,
    ),
    hypotheses=(
        Hypothesis("kept after 1 layer", ("1 layers",), (), "same", 0.01, unit="ln of second moment"),
        Hypothesis("kept after 50 layers", ("50 layers",), (), "same", 0.05, unit="ln of second moment"),
    ),
    predictions=(
        Prediction(
            "The second moment is smaller by 0.34 % a layer (0.30 to 0.38 counts).",
            ("per layer",),
            -0.0038,
            -0.003,
        ),
    ),
)

RRELU_FORMS = Claim(
    number=23,
    name="rrelu_forms",
    statement="The RReLU of the paper trains networks of another accuracy than that of the frameworks.",
    made_in="implied: Xu et al. 2015 divide by a number from 3 to 8, frameworks multiply by one from 1/8 to 1/3",
    literature="None known; the test slopes are 1/5.5 and 11/48.",
    predicted="Distinguishable only with many seeds.",
    expected="refuted",
    defined=DEFINED,
    experiment="300 scanned digits, 3 and 8 hidden layers. Another accuracy is one by half a percentage point with "
    "3 layers and by a whole one with 8. " + HOW,
    method=Comparison((at.THREE, at.EIGHT), rrelu.FORMS, at.MANY, 5),
    hypotheses=versus(
        "score", "divided", "multiplied", (at.THREE, at.EIGHT), "different", "another accuracy"
    ),
)

_CHANGED = 0.002
"""A fifth of a percentage point: with 1,497 test digits three of them."""

RRELU_EXCHANGED = Claim(
    number=23,
    name="rrelu_exchanged",
    statement="A network trained with one form of RReLU must be tested with that form.",
    made_in="implied by the two forms, whose test slopes are 11/48 and 1/5.5",
    literature="None known.",
    predicted="A small loss.",
    expected=None,
    defined=DEFINED,
    experiment="300 scanned digits, 3 hidden layers, 400 steps with momentum at a learning rate of 0.01; the very "
    "same network tested on 1,497 others with the other form's test slope and with its own. It must where more "
    "than 0.2 pp are lost. One accuracy after 30 steps, with both slopes the same, was seen before this was defined.",
    method=Measurement(
        rrelu.forms,
        {"train": 300, "hidden": 3, "count": 400, "rate": 0.01, "drawn": 100_000},
        {"count": 5, "drawn": 1000},
        repeats=at.MANY,
    ),
    hypotheses=tuple(
        Hypothesis(
            f"{own} loses when tested as {other}",
            (f"accuracy, {own}, tested as {other}",),
            (f"accuracy, {own}, tested as {own}",),
            "lower",
            _CHANGED,
            unit="accuracy",
        )
        for own, other in (("multiplied", "divided"), ("divided", "multiplied"))
    ),
    predictions=(
        Prediction("Multiplied slopes have the mean 0.2292.", ("slope drawn, multiplied",), 0.2285, 0.2299),
        Prediction("Divided slopes have the mean 0.1962.", ("slope drawn, divided",), 0.1955, 0.1969),
        Prediction("The divided form is tested with 1/5.5.", ("slope in tests, divided",), 0.1818, 0.1819),
    ),
)

CLAIMS = (RRELU, RRELU_SHIFT, RRELU_FORMS, RRELU_EXCHANGED)
