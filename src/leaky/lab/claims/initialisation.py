"""Claims about random networks before any training: gradients, gains, zeros, and what they keep apart."""

from __future__ import annotations

from leaky.lab.claims import signals
from leaky.lab.claims.claim import Claim, Measurement
from leaky.records.ledger import Hypothesis

_ESSAY = "an essay on Leaky ReLU"
_BLOG = "a blog post on Leaky ReLU"
_DEFINED = "2026-11-21"
_TEN = "log10"


def _slope(value: str) -> str:
    return f"leaky_relu(negative_slope={value})"


_LEAKS = ["0.01", "0.2", "1/3"]
_FAMILY = ["relu", *map(_slope, _LEAKS)]

HALF_DEAD = Claim(
    number=5,
    name="half_dead",
    statement="ReLU leaves half of the neurons permanently deactivated.",
    made_in=_ESSAY,
    literature="About half of the pairs of unit and input are inactive at a symmetric start; that is not half of the "
    "units, and nothing permanent.",
    predicted="Half of the pairs; no dead unit where inputs are centred, 2.5 to 3.3 % where they are in (0, 1).",
    expected="refuted",
    defined=_DEFINED,
    experiment="1,024 ReLU units at He's initialisation, 2,000 inputs of 64 uniform numbers, centred or in (0, 1). A "
    "unit is dead where its pre-activation is above 0 for none of the inputs. The margin is 10 % of the units.",
    method=Measurement(
        signals.inactive, {"units": 1024, "samples": 2000, "inputs": 64}, {"units": 64, "samples": 100}
    ),
    hypotheses=tuple(
        Hypothesis(
            f"half of the units are dead, inputs {kind}",
            (f"dead units, {kind}",),
            (),
            "same",
            0.1,
            reference=0.5,
            unit="share of units",
        )
        for kind in ("centred", "in (0, 1)")
    ),
)

UNIT_INPUTS = Claim(
    number=6,
    name="unit_inputs",
    statement="With inputs in (0, 1) no unit dies, so Leaky ReLU is not needed.",
    made_in=_BLOG,
    literature="The sign of a pre-activation is set by its weights, whatever the sign of the inputs.",
    predicted="2.5 to 3.3 % of first-layer units are dead at the start with inputs in (0, 1), none with centred "
    "ones.",
    expected="refuted",
    defined=_DEFINED,
    experiment="As for `half_dead`, on wider and narrower inputs too: the share of first-layer ReLU units that "
    "are dead "
    "at the start with inputs in (0, 1). The margin is half a per cent of the units.",
    method=Measurement(
        signals.inactive, {"units": 1024, "samples": 2000, "inputs": 64}, {"units": 64, "samples": 100}
    ),
    hypotheses=(
        Hypothesis(
            "no unit is dead at the start, inputs in (0, 1)",
            ("dead units, in (0, 1)",),
            (),
            "same",
            0.005,
            unit="share of units",
        ),
        Hypothesis(
            "as many units are dead with inputs in (0, 1) as with centred ones",
            ("dead units, in (0, 1)",),
            ("dead units, centred",),
            "same",
            0.005,
            unit="share of units",
        ),
    ),
)

_GRADIENTS = {"depths": [10, 50, 100], "width": 256, "samples": 16}
_FEW = {"width": 32, "samples": 4, "depths": [10, 50]}
_RATIO = "log10(gradient at the first layer / at the last)"

VANISHING = Claim(
    number=7,
    name="vanishing",
    statement="Leaky ReLU cures vanishing gradients.",
    made_in=_ESSAY,
    literature="A derivative of at least the slope is a lower bound of slope^depth; He et al. 2015 scale the "
    "weights.",
    predicted="The scale of the weights decides, not the leak: with Xavier's gain of 1 the gradient at the "
    "first of 50 "
    "layers is 2e-8 of the last one's for a slope of 0.01, 7e-8 for 0.2.",
    expected="refuted",
    defined=_DEFINED,
    experiment="Fully connected networks of 256 units and 10, 50 or 100 layers, normal weights times a gain of 1 "
    "(Xavier), sqrt(2), or the activation's own; a random gradient sent back. Cured would be a gradient at the "
    "first of "
    "50 layers of at least a hundredth of the last one's, with Xavier's gain, which starves ReLU.",
    method=Measurement(
        signals.gradients,
        {"activations": _FAMILY, "gains": ["1", "sqrt(2)", "own"], **_GRADIENTS},
        _FEW,
    ),
    hypotheses=tuple(
        Hypothesis(
            f"slope {slope} keeps a hundredth of the gradient through 50 layers at gain 1",
            (f"{_slope(slope)}, gain 1, 50 layers",),
            (),
            "higher",
            0.0,
            reference=-2.0,
            unit=_RATIO,
        )
        for slope in _LEAKS
    ),
)

EXPLODING = Claim(
    number=8,
    name="exploding",
    statement="Leaky ReLU is less prone to exploding gradients than ReLU.",
    made_in=_ESSAY,
    literature="The mean square of the derivative is (1 + slope^2) / 2, never below ReLU's 1/2.",
    predicted="With the same weights gradients grow more: by 2.7 (slope 0.2) and 13.6 (1/3) over 50 layers.",
    expected="refuted",
    defined=_DEFINED,
    experiment="The networks of `vanishing` at ReLU's gain sqrt(2): gradient at the first of 50 layers over the last "
    "one's, compared with ReLU's on the same weights. The margin is 12 % (0.05 of log10).",
    method=Measurement(
        signals.gradients,
        {"activations": _FAMILY, "gains": ["1", "sqrt(2)", "own"], **_GRADIENTS},
        _FEW,
    ),
    hypotheses=tuple(
        Hypothesis(
            f"gradients grow less with slope {slope} than with ReLU",
            (f"{_slope(slope)}, gain sqrt(2), 50 layers",),
            ("relu, gain sqrt(2), 50 layers",),
            "lower",
            0.05,
            unit=f"difference of {_RATIO}",
        )
        for slope in _LEAKS
    ),
)

SATURATING = Claim(
    number=9,
    name="saturating",
    statement="Gradients vanish with sigmoid and tanh, and do not with the ReLU family.",
    made_in=_ESSAY,
    literature="Glorot, Bengio 2010 for sigmoid; tanh trains deep at the right scale (Saxe et al. 2014).",
    predicted="Sigmoid vanishes at any scale; tanh about holds at its own gain of 1.59, grows a little at "
    "torch's 5/3.",
    expected="refuted",
    defined=_DEFINED,
    experiment="The networks of `vanishing` with 50 layers, every activation at its own gain and at torch's "
    "`calculate_gain`. Vanished is a gradient at the first layer below a hundredth of the last one's.",
    method=Measurement(
        signals.gradients,
        {
            "activations": ["relu", "tanh", "sigmoid"],
            "gains": ["own", "torch"],
            **_GRADIENTS,
            "depths": [10, 50],
        },
        {"width": 32, "samples": 4},
    ),
    hypotheses=(
        *(
            Hypothesis(
                f"gradients vanish with {name} at its own gain",
                (f"{name}, gain own, 50 layers",),
                (),
                "lower",
                0.0,
                reference=-2.0,
                unit=_RATIO,
            )
            for name in ("sigmoid", "tanh")
        ),
        Hypothesis(
            "gradients do not vanish with ReLU at its own gain",
            ("relu, gain own, 50 layers",),
            (),
            "higher",
            0.0,
            reference=-2.0,
            unit=_RATIO,
        ),
    ),
)

FACTOR = Claim(
    number=11,
    name="gain_factor",
    statement="The factor 1 + slope^2 in the initialisation of Leaky ReLU networks matters.",
    made_in="implied by He et al. 2015 and by `torch.nn.init.calculate_gain`",
    literature="He et al. 2015, eq. 14, for PReLU.",
    predicted="A factor of 1.003 over 50 layers at slope 0.01, decisive from 0.2 on.",
    expected="refuted",
    defined=_DEFINED,
    experiment="The networks of `vanishing` with 50 layers, at ReLU's gain sqrt(2) and at sqrt(2 / (1 + "
    "slope^2)): it "
    "matters where the gradient differs by a factor above 2. As a general statement it has to hold at each slope.",
    method=Measurement(
        signals.gradients,
        {
            "activations": [_slope(a) for a in ("0.01", "0.1", "0.3", "0.7")],
            "gains": ["sqrt(2)", "own"],
            **_GRADIENTS,
            "depths": [10, 50],
        },
        {"width": 32, "samples": 4},
    ),
    hypotheses=tuple(
        Hypothesis(
            f"it changes the gradient by more than a factor of 2 over 50 layers at slope {slope}",
            (f"{_slope(slope)}, gain sqrt(2), 50 layers",),
            (f"{_slope(slope)}, gain own, 50 layers",),
            "higher",
            0.30103,
            unit=_TEN,
        )
        for slope in ("0.01", "0.1", "0.3", "0.7")
    ),
)

COSINE = Claim(
    number=12,
    name="small_slope_apart",
    statement="A slope of 0.01 is the one to prefer: it keeps inputs as far apart as larger slopes do.",
    made_in=f"{_ESSAY} (that 0.01 is to be preferred)",
    literature="Xu et al. 2015 prefer 1/5.5 for training; see `small_slope`.",
    predicted="Cosine of two outputs after 50 layers: 0.988 at slopes 0 and 0.01, 0.965 at 0.2, 0.942 at 1/3.",
    expected="refuted",
    defined=_DEFINED,
    experiment="32 random inputs through 50 layers of 256 units, each activation at its own gain: the mean "
    "cosine of two "
    "outputs. The margin is 0.01.",
    method=Measurement(
        signals.cosines,
        {"activations": [*_FAMILY, _slope("0.7")], "depth": 50, "width": 256, "samples": 32},
        {"width": 32, "samples": 4},
    ),
    hypotheses=tuple(
        Hypothesis(
            f"slope 0.01 brings inputs no closer together than {slope}",
            (_slope("0.01"),),
            (_slope(slope),),
            "same",
            0.01,
            unit="cosine",
        )
        for slope in _LEAKS[1:]
    ),
)

REGIONS = Claim(
    number=15,
    name="regions",
    statement="Leaky ReLU is like a linear function, so a network with it is made of fewer linear pieces.",
    made_in=f"{_BLOG}; that it is poor at complex classification for this reason is `spirals`",
    literature="A Leaky ReLU is a linear combination of ReLU and the identity: pieces meet where ReLU's do.",
    predicted="The same number of pieces in one layer with the same weights.",
    expected="refuted",
    defined=_DEFINED,
    experiment="Changes of any unit's sign along 32 random lines of 4,001 points through the inputs of one to three "
    "layers of 64 units with biases, on the same draws, each activation at its own gain. The margin is 5 %.",
    method=Measurement(
        signals.regions,
        {"activations": _FAMILY, "depths": [1, 3], "width": 64, "lines": 32, "points": 4001},
        {"width": 8, "lines": 2, "points": 101},
    ),
    hypotheses=tuple(
        Hypothesis(
            f"fewer pieces with slope {slope} than with ReLU, {layers} layer{'s' if layers > 1 else ''}",
            (f"{_slope(slope)}, {layers} layers",),
            (f"relu, {layers} layers",),
            "lower",
            0.0212,
            unit=_TEN,
        )
        for layers in (1, 3)
        for slope in ("0.01", "0.2")
    ),
)

SPARSE = Claim(
    number=16,
    name="sparse",
    statement="Leaky ReLU has sparse activations.",
    made_in=_ESSAY,
    literature="Maas et al. 2013: leaky rectifiers give up hard zeros; Xu et al. 2015: sparsity is not the key.",
    predicted="No exact zero against about half of them with ReLU.",
    expected="refuted",
    defined=_DEFINED,
    experiment="Outputs of the fourth layer of 256 units, each activation at its own gain, on the same draws: "
    "the share "
    "of exact zeros, of values below a hundredth of the rms, and Hoyer's sparsity. As sparse as ReLU's is within 5 % "
    "of the units, or within 0.05 of Hoyer's measure.",
    method=Measurement(
        signals.sparsity,
        {"activations": _FAMILY, "depth": 4, "width": 256, "samples": 256},
        {"width": 32, "samples": 8},
    ),
    hypotheses=tuple(
        Hypothesis(
            f"as many {words} with slope {slope} as with ReLU",
            (f"{measure}, {_slope(slope)}",),
            (f"{measure}, relu",),
            "same",
            0.05,
            unit=unit,
        )
        for slope, measure, words, unit in (
            ("0.01", "exact zeros", "exact zeros", "share of outputs"),
            ("0.01", "near zeros", "values near zero", "share of outputs"),
            ("0.01", "Hoyer", "concentrated outputs (Hoyer)", "Hoyer's sparsity"),
            ("0.2", "Hoyer", "concentrated outputs (Hoyer)", "Hoyer's sparsity"),
        )
    ),
)

BORN_DEAD = Claim(
    number=26,
    name="born_dead",
    statement="Deep narrow ReLU networks are born dead, Leaky ReLU networks are not.",
    made_in="Lu, Shin, Su, Karniadakis 2020; Rister, Rubin 2017",
    literature="Proved: the probability tends to 1 with depth for ReLU; it is 0 for a slope above 0.",
    predicted="Probability 0 with a slope above 0.",
    expected="supported",
    defined=_DEFINED,
    experiment="200 networks a seed of 2 to 16 units and 10 to 100 layers without biases at He's initialisation, 32 "
    "inputs: the share that give one answer to all of them. Born dead is more than half of the networks, alive less "
    "than one in a hundred, at width 4 and 100 layers.",
    method=Measurement(
        signals.constant_networks,
        {
            "activations": ["relu", _slope("0.01"), _slope("0.2")],
            "widths": [2, 4, 8, 16],
            "depths": [10, 50, 100],
            "networks": 200,
            "samples": 32,
        },
        {"widths": [2, 4], "networks": 10, "samples": 8},
    ),
    hypotheses=(
        Hypothesis(
            "more than half of the ReLU networks of width 4 and 100 layers are constant",
            ("relu, width 4, 100 layers",),
            (),
            "higher",
            0.0,
            reference=0.5,
            unit="share of networks",
        ),
        *(
            Hypothesis(
                f"less than one in a hundred is with slope {slope}",
                (f"{_slope(slope)}, width 4, 100 layers",),
                (),
                "lower",
                0.0,
                reference=0.01,
                unit="share of networks",
            )
            for slope in ("0.01", "0.2")
        ),
    ),
)

CLAIMS = (
    HALF_DEAD,
    UNIT_INPUTS,
    VANISHING,
    EXPLODING,
    SATURATING,
    FACTOR,
    COSINE,
    REGIONS,
    SPARSE,
    BORN_DEAD,
)
