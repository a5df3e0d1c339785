"""Audits: published comparisons of leaky rectifiers, done again."""

from __future__ import annotations

from leaky.lab.claims import settings as at
from leaky.lab.claims.claim import Claim
from leaky.lab.claims.comparison import Comparison, Setting
from leaky.lab.claims.ordering import Order
from leaky.lab.claims.problems import small_clothes, spoken
from leaky.lab.claims.settings import HOW, versus
from leaky.lab.claims.words import DEFINED
from leaky.records.ledger import Hypothesis, Prediction

_ADAM_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
_CHANNELS, _INVERSE = "slope = channels", "slope = 1 / channels"
_NORMS = {"batch norm": "batch", "no norm": "none"}


def _vgg(norm: str, slopes: str, arms: dict[str, str]) -> Setting:
    return Setting(
        f"VGG, {norm}" if slopes == "as named" else f"VGG, {slopes}, {norm}",
        small_clothes,
        _ADAM_RATES,
        {"widths": (8, 16, 32), "slopes": slopes},
        {"optimizer": "adam", "normalisation": _NORMS[norm]},
        arms=arms,
    )


_PLAIN = {norm: _vgg(norm, "as named", {"ReLU": "relu", **at.leaks("0.01", "1.0")}) for norm in _NORMS}
_BY_WIDTH = {norm: _vgg(norm, "channels", {_CHANNELS: "leaky_relu"}) for norm in _NORMS}
_INVERTED = {norm: _vgg(norm, "1 / channels", {_INVERSE: "leaky_relu"}) for norm in _NORMS}
_BENCHMARK = "Dubey, Singh, Chaudhuri 2022, Activation functions in deep learning, a survey and benchmark"
_VGG_TOLD = (
    "1,000 pictures of clothes of 14 x 14 pixels, three pairs of 3 x 3 convolutions of 8, 16 and 32 channels (the "
    "benchmark's have 64 to 512), Adam for 12 epochs, with batch norm (as the benchmark) and without. The margin "
    "is a percentage point. "
)


def _score(arm: str, setting: Setting) -> tuple[str, ...]:
    return (f"score, {arm}, {setting.label}",)


def _same(
    arm: str, places: dict[str, Setting], other: str, others: dict[str, Setting]
) -> tuple[Hypothesis, ...]:
    return tuple(
        Hypothesis(
            f"{arm} is as good as {other}, {norm}",
            _score(arm, places[norm]),
            _score(other, others[norm]),
            "same",
            at.ONE_PP,
            unit="accuracy",
        )
        for norm in _NORMS
    )


SLOPE_BY_MISTAKE = Claim(
    number=31,
    name="audit_benchmark",
    statement="What a published benchmark measured with slope = number of channels (its VGG) and slope 1 (its "
    "GoogLeNet) is leaky ReLU's accuracy.",
    made_in=f"{_BENCHMARK}; its code (github.com/shivram1987/ActivationFunctions, CIFAR10/models) passes the "
    "number of channels, or True, as the negative slope",
    literature="No other audit is known. Slope 1 leaves its networks no non-linearity but maximum pooling.",
    predicted="Refuted for slope 1; a slope c above 1 is 1/c mirrored, which hides the mistake.",
    expected="refuted",
    defined=DEFINED,
    experiment=_VGG_TOLD + "Each slope beside 0.01, the default that was meant. " + HOW,
    method=Comparison((*_PLAIN.values(), *_BY_WIDTH.values()), at.leaks("0.01"), at.FEW, 5),
    hypotheses=(
        *_same(_CHANNELS, _BY_WIDTH, "slope 0.01", _PLAIN),
        *_same("slope 1.0", _PLAIN, "slope 0.01", _PLAIN),
    ),
)

MIRRORED = Claim(
    number=31,
    name="audit_mirror",
    statement="Slope c trains networks as good as slope 1/c.",
    made_in="implied by f_c(x) = -c f_{1/c}(-x)",
    literature="None known. Weights drawn symmetrically absorb the sign and He's gain the factor; the maximum pool "
    "becomes a minimum pool, and the scale of weights and gradients changes.",
    predicted="As good with batch norm, which cancels the factor.",
    expected=None,
    defined=DEFINED,
    experiment=_VGG_TOLD
    + "Slope = number of channels of the layer beside slope = 1 / number of channels. "
    + HOW,
    method=Comparison((*_BY_WIDTH.values(), *_INVERTED.values()), at.leaks("0.01"), at.FEW, 5),
    hypotheses=_same(_CHANNELS, _BY_WIDTH, _INVERSE, _INVERTED),
)

_CNN = Setting(
    "clothes, small CNN",
    small_clothes,
    (0.001, 0.003, 0.01, 0.03, 0.1),
    {"widths": (8, 16), "inner": 64, "dropout": 0.5, "epochs": 15},
)
_VERY = "slope 1/5.5"
_PAPER, _FRAMEWORKS = "RReLU divided", "RReLU multiplied"
_XU_ARMS = {
    "ReLU": "relu",
    **at.leaks("0.01"),
    _VERY: "leaky_relu(negative_slope=0.18181818181818182)",
    "PReLU": "prelu",
    _PAPER: "rrelu(form='divide')",
    _FRAMEWORKS: "rrelu",
}
_XU = "Xu et al. 2015"


def _xu(arm: str, other: str, words: str, measure: str = "score") -> tuple[Hypothesis, ...]:
    return versus(measure, arm, other, (_CNN,), "higher", words, margin=at.HALF_PP)


XU = Claim(
    number=32,
    name="audit_xu",
    statement="On small data a clear negative slope improves on ReLU; fixed or learned, it overfits, and a random "
    "one does best.",
    made_in=f"{_XU}, Empirical Evaluation of Rectified Activations in Convolutional Network",
    literature="Xu et al. 2015, CIFAR-10, test error: RReLU 11.19 %, 1/5.5 11.20, PReLU 11.79, ReLU 12.45, 0.01 "
    "12.66; training error: PReLU 0.18 %, 0.01 0.31, ReLU 0.32, 1/5.5 0.36, RReLU 0.55. One network each.",
    predicted="As Xu et al. found.",
    expected="supported",
    defined=DEFINED,
    experiment="1,000 pictures of clothes of 14 x 14 pixels, two pairs of 3 x 3 convolutions of 8 and 16 channels, "
    "64 units with dropout 0.5, no normalisation, 15 epochs; 2,000 pictures for testing. PReLU learns a slope for "
    "each channel; RReLU in the paper's form (slope 1 / U(3, 8), tests at 1/5.5) and in the frameworks' (U(1/8, "
    "1/3), 11/48). Training and test accuracy in evaluation mode. The margin is half a percentage point. The notes "
    "tell how often the whole orders of Xu et al. hold when seeds are resampled. " + HOW,
    method=Comparison(
        (_CNN,),
        _XU_ARMS,
        at.MANY,
        5,
        orders=(
            Order(
                f"{_XU} by test error", "score", _CNN.label, (_PAPER, _VERY, "PReLU", "ReLU", "slope 0.01")
            ),
            Order(
                f"{_XU} by training error",
                "train_score",
                _CNN.label,
                ("PReLU", "slope 0.01", "ReLU", _VERY, _PAPER),
            ),
        ),
    ),
    hypotheses=(
        *(h for arm in (_VERY, "PReLU", _PAPER) for h in _xu(arm, "ReLU", f"{arm} is better than ReLU")),
        *(h for other in (_VERY, "PReLU") for h in _xu(_PAPER, other, f"{_PAPER} is better than {other}")),
        *_xu("PReLU", _PAPER, f"PReLU fits the training data better than {_PAPER}", "train_score"),
        *_xu(_VERY, _PAPER, f"{_VERY} fits the training data better than {_PAPER}", "train_score"),
    ),
    predictions=(
        Prediction(
            "The two forms of RReLU are within half a percentage point of each other.",
            (*_score(_PAPER, _CNN), *_score(_FRAMEWORKS, _CNN)),
            -at.HALF_PP,
            at.HALF_PP,
        ),
        Prediction(
            "Slope 0.01 is within half a percentage point of ReLU.",
            (*_score("slope 0.01", _CNN), *_score("ReLU", _CNN)),
            -at.HALF_PP,
            at.HALF_PP,
        ),
    ),
)

_SPOKEN = tuple(
    Setting(f"spoken digits, {hidden} layers", spoken, _ADAM_RATES[:5], {"hidden": hidden}, repeats=at.SEEDS)
    for hidden in (2, 3, 4, 8)
)

MAAS = Claim(
    number=33,
    name="audit_maas",
    statement="In speech recognition rectifiers beat tanh, and leaky ReLU does as well as ReLU.",
    made_in="Maas, Hannun, Ng 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models",
    literature="Maas et al. 2013, Switchboard, 2 to 4 hidden layers: rectifiers about 2 pp of word error below "
    "tanh, leaky and plain ones nearly identical.",
    predicted="As Maas et al. found.",
    expected="supported",
    defined=DEFINED,
    experiment="Spoken digits as log-mel pictures: 1,500 recordings of three speakers at three speeds for "
    "training, another speaker for learning rates, two for testing, so that seeds tell nothing of other speakers. "
    "2, 3, 4 and 8 hidden layers of 128 units, no dropout, Adam for 6 epochs. Error rates; the margin is a "
    "percentage point. " + HOW,
    method=Comparison(_SPOKEN, {"ReLU": "relu", **at.leaks("0.01"), "tanh": "tanh"}, at.SEEDS, 5),
    hypotheses=(
        *versus(
            "score",
            "ReLU",
            "tanh",
            _SPOKEN,
            "lower",
            "ReLU errs less than tanh",
            margin=at.ONE_PP,
            unit="error rate",
        ),
        *versus(
            "score",
            "slope 0.01",
            "ReLU",
            _SPOKEN,
            "same",
            "slope 0.01 errs as often as ReLU",
            margin=at.ONE_PP,
            unit="error rate",
        ),
    ),
)

CLAIMS = (SLOPE_BY_MISTAKE, MIRRORED, XU, MAAS)
