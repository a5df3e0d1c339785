"""Claims about how fast training converges, each arm at the learning rate at which it is fastest."""

from __future__ import annotations

from leaky.lab.claims import settings as at
from leaky.lab.claims.claim import Claim
from leaky.lab.claims.comparison import Comparison
from leaky.lab.claims.settings import HOW, versus
from leaky.lab.claims.words import DEFINED, ESSAY

_PLACES = (at.TWO, at.EIGHT, at.EIGHT_COMMON, at.NARROW, at.NORMED, at.DEEP)
_TOLD = (
    "300 scanned digits; perceptrons of 2 and 8 hidden layers of 64 units, 8 of 16, 8 of 64 with batch norm, 30 of "
    "64. Counted are the epochs until the training loss is 0.2 at most; the margin is 10 %. "
)
_METHOD = Comparison(_PLACES, {**at.RELU_AND_TWO, "ELU": "elu"}, at.MANY, 5, tuned_on="epochs")

FASTER = Claim(
    number=2,
    name="faster",
    statement="Leaky ReLU converges faster than ReLU.",
    made_in=ESSAY,
    literature="Maas et al. 2013: slightly faster; little is measured at tuned learning rates.",
    predicted="A tiny difference in well-scaled networks, visible in deep and narrow ones.",
    expected="mixed",
    defined=DEFINED,
    experiment=_TOLD + HOW,
    method=_METHOD,
    hypotheses=tuple(
        h
        for slope in ("0.01", "0.2")
        for h in versus(
            "epochs",
            f"slope {slope}",
            "ReLU",
            _PLACES,
            "lower",
            f"slope {slope} is faster",
            margin=at.TENTH,
            unit="log10(epochs)",
        )
    ),
)

ELU = Claim(
    number=24,
    name="elu_faster",
    statement="ELU converges faster than ReLU and Leaky ReLU.",
    made_in=ESSAY,
    literature="Clevert et al. 2016: faster on CIFAR; caffenet-benchmark: about as PReLU.",
    predicted="Faster, by Clevert et al.",
    expected="supported",
    defined=DEFINED,
    experiment="The trials of `faster`. " + _TOLD + HOW,
    method=_METHOD,
    hypotheses=tuple(
        h
        for other in ("ReLU", "slope 0.01", "slope 0.2")
        for h in versus(
            "epochs",
            "ELU",
            other,
            _PLACES,
            "lower",
            f"ELU is faster than {other}",
            margin=at.TENTH,
            unit="log10(epochs)",
        )
    ),
)

CLAIMS = (FASTER, ELU)
