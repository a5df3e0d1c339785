"""Claims about PReLU, whose slopes are learned."""

from __future__ import annotations

from dataclasses import replace

from leaky.lab.claims import settings as at
from leaky.lab.claims.claim import Claim
from leaky.lab.claims.comparison import Comparison
from leaky.lab.claims.settings import HOW, versus
from leaky.lab.claims.words import BLOG, DEFINED
from leaky.records.ledger import Hypothesis

SIZES = tuple(at.of_digits(f"{train} digits", 3, train=train) for train in (100, 500, 1200))
_COMMON = at.with_common_gain(SIZES[1])
_PER_UNIT = tuple(
    replace(
        setting,
        label=f"{setting.label}, a slope per unit",
        arguments={**setting.arguments, "per_unit": True},
        arms={"PReLU": "prelu"},
    )
    for setting in SIZES
)
_ARMS = {**at.leaks("0.01", "0.25"), "PReLU": "prelu"}
_NATS = 0.05
_TOLD = (
    "100, 500 and 1,200 scanned digits, 3 hidden layers; learned slopes start from 0.25, one for each layer or each "
    "unit. "
)


def _per_unit(
    measure: str, other: str, margin: float, words: str, unit: str = "accuracy"
) -> tuple[Hypothesis, ...]:
    """PReLU with a slope for each unit, beside another arm on as many digits."""
    return tuple(
        Hypothesis(
            f"{words}, {one.label}",
            (f"{measure}, PReLU, {one.label}",),
            (f"{measure}, {other}, {setting.label}",),
            "higher",
            margin,
            unit=unit,
        )
        for one, setting in zip(_PER_UNIT, SIZES, strict=True)
    )


PRELU = Claim(
    number=20,
    name="prelu_power",
    statement="PReLU is more powerful than Leaky ReLU.",
    made_in=BLOG,
    literature="He et al. 2015: 1.2 pp of top-1 error on ImageNet, against ReLU.",
    predicted="Unknown on little data.",
    expected=None,
    defined=DEFINED,
    experiment=f"{_TOLD}The margin is half a percentage point. " + HOW,
    method=Comparison((*SIZES, *_PER_UNIT, _COMMON), _ARMS, at.MANY, 5),
    hypotheses=(
        *(
            h
            for other in ("0.01", "0.25")
            for h in versus(
                "score",
                "PReLU",
                f"slope {other}",
                (*SIZES, _COMMON),
                "higher",
                f"PReLU is better than slope {other}",
            )
        ),
        *_per_unit("score", "slope 0.25", at.HALF_PP, "PReLU is better than slope 0.25"),
    ),
)

PRELU_OVERFITS = Claim(
    number=20,
    name="prelu_overfits",
    statement="PReLU overfits on small data.",
    made_in="Xu et al. 2015",
    literature="Xu et al. 2015: the lowest training error on all three data sets, the lowest test error on none.",
    predicted="Unknown at this size.",
    expected=None,
    defined=DEFINED,
    experiment=f"{_TOLD}Test loss less training loss, both in evaluation mode at the end of training, at the "
    "learning rate that is best by validation loss, beside slope 0.25, from which PReLU starts. The margin is "
    "0.05 nats. " + HOW,
    method=Comparison((*SIZES, *_PER_UNIT), _ARMS, at.MANY, 5, tuned_on="loss"),
    hypotheses=(
        *versus(
            "gap",
            "PReLU",
            "slope 0.25",
            SIZES,
            "higher",
            "the gap is wider than with slope 0.25",
            margin=_NATS,
            unit="nats",
        ),
        *_per_unit("gap", "slope 0.25", _NATS, "the gap is wider than with slope 0.25", "nats"),
    ),
)

_STARTS = {f"PReLU from {start}": f"prelu(negative_slope={start})" for start in ("0.25", "0.01", "0.0")}
_PLACES = (at.THREE, at.EIGHT, at.EIGHT_COMMON)
_IMPLIED = "implied by Keras (0), Flax (0.01) and PyTorch (0.25), which differ"

PRELU_START = Claim(
    number=21,
    name="prelu_start",
    statement="What slope PReLU starts from matters to what is learned in the end.",
    made_in=_IMPLIED,
    literature="He et al. 2015 start from 0.25.",
    predicted="Unknown.",
    expected=None,
    defined=DEFINED,
    experiment="300 scanned digits, 3 and 8 hidden layers, a learned slope for each layer from 0.25, 0.01 and 0. "
    "It matters from half a percentage point on with 3 layers, and from a whole one with 8. Weight decay is left "
    "out: the lab never decays learned slopes. " + HOW,
    method=Comparison(_PLACES, _STARTS, at.MANY, 5),
    hypotheses=tuple(
        h
        for start in ("0.01", "0.0")
        for h in versus(
            "score",
            f"PReLU from {start}",
            "PReLU from 0.25",
            _PLACES,
            "different",
            f"from {start} another accuracy than from 0.25",
        )
    ),
)

PRELU_START_EARLY = Claim(
    number=21,
    name="prelu_start_early",
    statement="What slope PReLU starts from matters early in training.",
    made_in=_IMPLIED,
    literature="None known.",
    predicted="They differ early in training.",
    expected="supported",
    defined=DEFINED,
    experiment="As for `prelu_start`: the training loss after a tenth of the epochs, at the learning rate that is "
    "best by that. It matters from 0.05 nats on. " + HOW,
    method=Comparison(_PLACES, _STARTS, at.MANY, 5, tuned_on="early_loss"),
    hypotheses=tuple(
        h
        for start in ("0.01", "0.0")
        for h in versus(
            "early_loss",
            f"PReLU from {start}",
            "PReLU from 0.25",
            _PLACES,
            "different",
            f"from {start} another early loss than from 0.25",
            margin=_NATS,
            unit="nats",
        )
    ),
)

CLAIMS = (PRELU, PRELU_OVERFITS, PRELU_START, PRELU_START_EARLY)
