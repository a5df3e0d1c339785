"""Claims about what comes out of training, with the learning rate tuned for every arm."""

from __future__ import annotations

from collections.abc import Iterable

from leaky.lab.claims.claim import Claim
from leaky.lab.claims.comparison import Comparison, Setting
from leaky.lab.claims.problems import clothes, digits, spirals
from leaky.records.ledger import Direction, Hypothesis

_ESSAY = "an essay on Leaky ReLU"
_BLOG = "a blog post on Leaky ReLU"
_DEFINED = "2026-11-21"
_RATES = (0.003, 0.01, 0.03, 0.1)
_DEEP_RATES = (0.0003, 0.001, 0.003, 0.01)
_HOW = (
    "Learning rate tuned over four values on three seeds for every arm in every setting, then 13 fresh paired "
    "seeds; every "
    "network starts from the same draws times the activation's own gain."
)
_SHALLOW = Setting("digits, 2 layers", digits, _RATES, {"hidden": 2, "train": 300})
_EIGHT = Setting("digits, 8 layers", digits, _RATES, {"hidden": 8, "train": 300})
_DEEP = Setting("digits, 30 layers", digits, _DEEP_RATES, {"hidden": 30, "train": 300})
_THREE = Setting("digits, 3 layers", digits, _RATES, {"hidden": 3, "train": 300})
_CLOTHES = Setting("clothes, 2 layers", clothes, _RATES)
_SPIRALS = Setting("spirals", spirals, (0.001, 0.003, 0.01, 0.03))


def _leaks(*slopes: str) -> dict[str, str]:
    return {f"slope {slope}": f"leaky_relu(negative_slope={slope})" for slope in slopes}


_FEW = {"ReLU": "relu", **_leaks("0.01", "0.2")}


def _versus(
    measure: str,
    arm: str,
    other: str,
    settings: Iterable[Setting],
    direction: Direction,
    margin: float,
    words: str,
    unit: str = "accuracy",
) -> tuple[Hypothesis, ...]:
    """One hypothesis a setting: what the claim says of `arm` beside `other`."""
    return tuple(
        Hypothesis(
            f"{words}, {setting.label}",
            (f"{measure}, {arm}, {setting.label}",),
            (f"{measure}, {other}, {setting.label}",),
            direction,
            margin,
            unit=unit,
        )
        for setting in settings
    )


_PLAIN = (_SHALLOW, _EIGHT, _CLOTHES)

BETTER = Claim(
    1,
    "better",
    "Leaky ReLU gives better accuracy than ReLU.",
    f"{_ESSAY}; {_BLOG} says that it gives none",
    "Xu et al. 2015: 0.01 about as ReLU, 1/5.5 better on CIFAR-10; caffenet-benchmark: 0.469 beside ReLU's 0.471.",
    "No practical difference in shallow networks.",
    "refuted",
    _DEFINED,
    "300 scanned digits with 2 and 8 hidden layers, 5,000 pictures of clothes with 2, no normalisation. The "
    "margin is half "
    f"a percentage point. {_HOW}",
    Comparison(_PLAIN, _FEW),
    tuple(
        h
        for slope in ("0.01", "0.2")
        for h in _versus(
            "score", f"slope {slope}", "ReLU", _PLAIN, "higher", 0.005, f"slope {slope} is better"
        )
    ),
)

FASTER = Claim(
    2,
    "faster",
    "Leaky ReLU converges faster than ReLU.",
    _ESSAY,
    "Maas et al. 2013: slightly faster; little is measured at tuned learning rates.",
    "A tiny difference in well-scaled networks.",
    "refuted",
    _DEFINED,
    "The trials of `better`: epochs until the training loss is 0.2 at most, at the learning rate that is best on "
    f"validation. The margin is 10 %. {_HOW}",
    Comparison(_PLAIN[:2], _FEW),
    tuple(
        h
        for slope in ("0.01", "0.2")
        for h in _versus(
            "epochs",
            f"slope {slope}",
            "ReLU",
            _PLAIN[:2],
            "lower",
            0.0414,
            f"slope {slope} is faster",
            "log10(epochs)",
        )
    ),
)

RAW_INPUTS = Claim(
    6,
    "unit_inputs_accuracy",
    "With inputs in (0, 1) Leaky ReLU is not needed: ReLU is as accurate.",
    _BLOG,
    "None known; what happens to units is `unit_inputs`.",
    "Unknown.",
    None,
    _DEFINED,
    f"300 scanned digits, pixels in (0, 1), 3 hidden layers. The margin is a percentage point. {_HOW}",
    Comparison((_THREE,), _FEW),
    tuple(
        h
        for slope in ("0.01", "0.2")
        for h in _versus(
            "score", f"slope {slope}", "ReLU", (_THREE,), "same", 0.01, f"slope {slope} is as accurate"
        )
    ),
)

_HE = Setting("He", digits, _DEEP_RATES, {"hidden": 30, "train": 300}, {"initialisation": "he"})
_XAVIER = Setting("Xavier", digits, _DEEP_RATES, {"hidden": 30, "train": 300}, {"initialisation": "xavier"})

HE = Claim(
    10,
    "he_beats_xavier",
    "He's initialisation beats Xavier's for deep Leaky ReLU networks.",
    _ESSAY,
    "He et al. 2015: 30 layers stall with Xavier's.",
    "Yes.",
    "supported",
    _DEFINED,
    f"300 scanned digits, 30 hidden layers, no normalisation, both initialisations. The margin is 1 pp. {_HOW}",
    Comparison((_HE, _XAVIER), _leaks("0.01", "0.2")),
    tuple(
        Hypothesis(
            f"He's is better with slope {slope}",
            (f"score, slope {slope}, He",),
            (f"score, slope {slope}, Xavier",),
            "higher",
            0.01,
            unit="accuracy",
        )
        for slope in ("0.01", "0.2")
    ),
)

SMALL_SLOPE = Claim(
    12,
    "small_slope",
    "A small slope of about 0.01 is the one to prefer.",
    _ESSAY,
    "Xu et al. 2015: 1/5.5 better than 0.01.",
    "A flat optimum; deep networks prefer larger slopes.",
    "refuted",
    _DEFINED,
    f"300 scanned digits, 3 and 30 hidden layers, five slopes. Preferred is better by half a percentage point. "
    f"{_HOW}",
    Comparison((_THREE, _DEEP), _leaks("0.01", "0.1", "0.3", "0.7", "1.0")),
    tuple(
        h
        for other in ("0.1", "0.3")
        for h in _versus(
            "score",
            "slope 0.01",
            f"slope {other}",
            (_THREE, _DEEP),
            "higher",
            0.005,
            f"slope 0.01 is better than {other}",
        )
    ),
)

LINEAR = Claim(
    13,
    "too_large",
    "A slope that is too large makes the network linear, so that it no longer separates what is not linear.",
    _ESSAY,
    "Exactly linear at slope 1.",
    "Accuracy falls to a linear model's at slope 1.",
    "supported",
    _DEFINED,
    f"Two spirals of two turns, 3 hidden layers. At slope 1 more than 10 pp are lost, at 0.9 more than 2 pp. {_HOW}",
    Comparison((_SPIRALS,), _leaks("0.01", "0.3", "0.9", "1.0")),
    (
        *_versus(
            "score", "slope 1.0", "slope 0.01", (_SPIRALS,), "lower", 0.1, "slope 1 loses more than 10 pp"
        ),
        *_versus(
            "score", "slope 0.9", "slope 0.01", (_SPIRALS,), "lower", 0.02, "slope 0.9 loses more than 2 pp"
        ),
    ),
)

SPIRALS = Claim(
    15,
    "spirals",
    "Leaky ReLU is like a linear function, and therefore poor at complex classification.",
    _BLOG,
    "Any slope but 1 gives a universal approximator.",
    "No loss.",
    "refuted",
    _DEFINED,
    f"Two spirals of two turns, 3 hidden layers. The margin is a percentage point. {_HOW}",
    Comparison((_SPIRALS,), _FEW),
    tuple(
        h
        for slope in ("0.01", "0.2")
        for h in _versus(
            "score", f"slope {slope}", "ReLU", (_SPIRALS,), "lower", 0.01, f"slope {slope} is worse"
        )
    ),
)

_NOISE = Setting("noise of 0.3", digits, _RATES, {"hidden": 3, "train": 300, "noise": 0.3})
_OUTLIERS = Setting("10 % outliers", digits, _RATES, {"hidden": 3, "train": 300, "outliers": 0.1})

ROBUST = Claim(
    17,
    "robust",
    "Leaky ReLU is more robust to noise and outliers than ReLU.",
    _BLOG,
    "None known; the Lipschitz constants are equal, and negative outliers pass.",
    "No difference, or slightly worse.",
    "refuted",
    _DEFINED,
    "300 clean scanned digits, 3 hidden layers, tested with normal noise of 0.3 on every pixel, or with a tenth "
    "of the "
    f"pixels at -5 or 5. The margin is half a percentage point. {_HOW}",
    Comparison((_NOISE, _OUTLIERS), _FEW),
    tuple(
        h
        for slope in ("0.01", "0.2")
        for h in _versus(
            "score",
            f"slope {slope}",
            "ReLU",
            (_NOISE, _OUTLIERS),
            "higher",
            0.005,
            f"slope {slope} is better",
        )
    ),
)

_HUNDRED = Setting("100 digits", digits, _RATES, {"hidden": 3, "train": 100})
_FIVE = Setting("500 digits", digits, _RATES, {"hidden": 3, "train": 500})
_SIZES = (_HUNDRED, _FIVE)

PRELU = Claim(
    20,
    "prelu_power",
    "PReLU is more powerful than Leaky ReLU.",
    _BLOG,
    "He et al. 2015: 1.2 pp of top-1 error on ImageNet, against ReLU.",
    "Unknown on little data.",
    None,
    _DEFINED,
    "100 and 500 scanned digits, 3 hidden layers; a learned slope for each layer, from 0.25. The margin is half a "
    f"percentage point. {_HOW}",
    Comparison(_SIZES, {**_leaks("0.01", "0.25"), "PReLU": "prelu"}),
    tuple(
        h
        for other in ("0.01", "0.25")
        for h in _versus(
            "score", "PReLU", f"slope {other}", _SIZES, "higher", 0.005, f"PReLU is better than slope {other}"
        )
    ),
)

PRELU_OVERFITS = Claim(
    20,
    "prelu_overfits",
    "PReLU overfits on small data.",
    "Xu et al. 2015",
    "Xu et al. 2015: the lowest training error on NDSB, not the lowest test error.",
    "Unknown at this size.",
    None,
    _DEFINED,
    "The trials of `prelu_power`: validation loss less training loss at the end. The margin is 0.05 nats. "
    + _HOW,
    Comparison(_SIZES, {**_leaks("0.01", "0.25"), "PReLU": "prelu"}),
    _versus(
        "gap", "PReLU", "slope 0.25", _SIZES, "higher", 0.05, "the gap is wider than with slope 0.25", "nats"
    ),
)

PRELU_START = Claim(
    21,
    "prelu_start",
    "What slope PReLU starts from matters: frameworks that start from 0, 0.01 and 0.25 are not alike.",
    "implied by Keras (0), Flax (0.01) and PyTorch (0.25), which differ",
    "He et al. 2015 start from 0.25.",
    "They differ early in training; whether at the end is unknown.",
    None,
    _DEFINED,
    "300 scanned digits, 3 and 8 hidden layers, PReLU from three slopes. It matters from half a percentage point on. "
    "Weight decay is left out: the lab never decays learned slopes. " + _HOW,
    Comparison(
        (_THREE, _EIGHT),
        {f"PReLU from {start}": f"prelu(negative_slope={start})" for start in ("0.25", "0.01", "0.0")},
    ),
    tuple(
        h
        for start in ("0.01", "0.0")
        for h in _versus(
            "score",
            f"PReLU from {start}",
            "PReLU from 0.25",
            (_EIGHT,),
            "different",
            0.005,
            f"from {start} another accuracy than from 0.25",
        )
    ),
)

RRELU = Claim(
    22,
    "rrelu_regularises",
    "Randomized Leaky ReLU regularises: it narrows the gap between training and test.",
    "Xu et al. 2015",
    "Xu et al. 2015: best of all on CIFAR-100 and NDSB.",
    "As Xu et al. found.",
    "supported",
    _DEFINED,
    "100 and 500 scanned digits, 3 hidden layers: validation loss less training loss at the end, beside ReLU "
    "and beside "
    f"the fixed mean slope 11/48. The margin is 0.05 nats. {_HOW}",
    Comparison(
        _SIZES,
        {"ReLU": "relu", "slope 11/48": "leaky_relu(negative_slope=0.22916666666666666)", "RReLU": "rrelu"},
    ),
    tuple(
        h
        for other in ("ReLU", "slope 11/48")
        for h in _versus(
            "gap", "RReLU", other, _SIZES, "lower", 0.05, f"a narrower gap than with {other}", "nats"
        )
    ),
)

RRELU_FORMS = Claim(
    23,
    "rrelu_forms",
    "The RReLU of the paper and that of the frameworks are not the same.",
    "implied: Xu et al. 2015 divide by a number from 3 to 8, frameworks multiply by one from 1/8 to 1/3",
    "None known; the test slopes are 1/5.5 and 11/48.",
    "Distinguishable only with many seeds.",
    "undecided",
    _DEFINED,
    f"300 scanned digits, 8 hidden layers. Not the same is another accuracy by half a percentage point. {_HOW}",
    Comparison((_EIGHT,), {"multiplied": "rrelu", "divided": "rrelu(form='divide')"}),
    _versus("score", "divided", "multiplied", (_EIGHT,), "different", 0.005, "another accuracy"),
)

ELU = Claim(
    24,
    "elu_faster",
    "ELU converges faster than ReLU and Leaky ReLU.",
    _ESSAY,
    "Clevert et al. 2016: faster on CIFAR; caffenet-benchmark: about as PReLU.",
    "Faster, by Clevert et al.",
    "supported",
    _DEFINED,
    "300 scanned digits, 8 hidden layers: epochs until the training loss is 0.2 at most, at the learning rate "
    "that is "
    f"best on validation. The margin is 10 %. {_HOW}",
    Comparison((_EIGHT,), {**_FEW, "ELU": "elu"}),
    (
        *_versus(
            "epochs", "ELU", "ReLU", (_EIGHT,), "lower", 0.0414, "ELU is faster than ReLU", "log10(epochs)"
        ),
        *_versus(
            "epochs",
            "ELU",
            "slope 0.01",
            (_EIGHT,),
            "lower",
            0.0414,
            "ELU is faster than 0.01",
            "log10(epochs)",
        ),
    ),
)

_NORMED = Setting("batch norm", digits, _RATES, {"hidden": 8, "train": 300}, {"normalisation": "batch"})

BATCH_NORM = Claim(
    27,
    "batch_norm",
    "With batch normalisation the leak makes no difference.",
    "implied by the caffenet-benchmark, whose gaps shrink with it",
    "caffenet-benchmark with batch norm: ReLU 0.499, leaky 0.500, PReLU 0.503, RReLU 0.498.",
    "No practical difference.",
    "supported",
    _DEFINED,
    "300 scanned digits, 8 hidden layers with batch norm before each activation. As good is within half a percentage "
    f"point. {_HOW}",
    Comparison((_NORMED,), _FEW),
    tuple(
        h
        for slope in ("0.01", "0.2")
        for h in _versus(
            "score", f"slope {slope}", "ReLU", (_NORMED,), "same", 0.005, f"slope {slope} is as good"
        )
    ),
)

DEPTH = Claim(
    28,
    "deep_not_shallow",
    "The leak helps deep networks, not shallow ones.",
    f"implied by {_ESSAY}",
    "He et al. 2015 train deep rectifier networks with the right scale alone.",
    "An interaction of depth and slope.",
    "supported",
    _DEFINED,
    "300 scanned digits, 2 and 30 hidden layers, no normalisation: what a slope gains on ReLU in the deep "
    "network, less "
    f"what it gains in the shallow one. The margin is half a percentage point. {_HOW}",
    Comparison((_SHALLOW, _DEEP), _FEW),
    tuple(
        Hypothesis(
            f"slope {slope} gains more on ReLU at 30 layers than at 2",
            (f"score, slope {slope}, {_DEEP.label}", f"score, ReLU, {_SHALLOW.label}"),
            (f"score, ReLU, {_DEEP.label}", f"score, slope {slope}, {_SHALLOW.label}"),
            "higher",
            0.005,
            unit="accuracy",
        )
        for slope in ("0.01", "0.2")
    ),
)

NO_GUARANTEE = Claim(
    29,
    "no_guarantee",
    "Leaky ReLU gives no guarantee of reaching the global minimum.",
    _ESSAY,
    "True of every activation in training by gradient descent, so not a property of this one.",
    "Nothing that a measurement could tell apart.",
    None,
    _DEFINED,
    "Not testable as a difference between activations, so there is none.",
    None,
)

CLAIMS = (
    BETTER,
    FASTER,
    RAW_INPUTS,
    HE,
    SMALL_SLOPE,
    LINEAR,
    SPIRALS,
    ROBUST,
    PRELU,
    PRELU_OVERFITS,
    PRELU_START,
    RRELU,
    RRELU_FORMS,
    ELU,
    BATCH_NORM,
    DEPTH,
    NO_GUARANTEE,
)
