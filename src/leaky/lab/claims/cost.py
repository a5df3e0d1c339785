"""Claims about cost: what functions take, and what of it is left in a step of training."""

from __future__ import annotations

import math

from leaky.lab.claims.claim import Claim, Measurement
from leaky.lab.claims.timing import function_times, step_times
from leaky.lab.claims.words import BLOG, DEFINED, ESSAY, says
from leaky.records.ledger import Prediction

_FUNCTION = Measurement(
    function_times,
    {"elements": 1 << 22, "rounds": 9},
    {"elements": 1 << 12, "rounds": 3},
    repeats=16,
    alone=True,
)
_STEP = Measurement(
    step_times,
    {"widths": [64, 512], "batch": 256, "rounds": [51, 9]},
    {"widths": [64, 512], "batch": 8, "rounds": [3, 3]},
    repeats=16,
    alone=True,
)
_TENTH = math.log10(1.1)
_WHAT = ("value", "value and gradient")
_TIMED = (
    "Of 4 million float32 by torch on one CPU thread, in interleaved rounds: the value alone, and value and "
    "gradient."
)
_TRAINED = (
    "Forward and backward of a perceptron of 4 layers of 64 or 512 units on 256 samples, one CPU thread, in "
    "interleaved rounds."
)
_RATIO = "log10(ratio of seconds)"

CHEAPER = Claim(
    number=18,
    name="cheaper",
    statement="Leaky ReLU is far cheaper than sigmoid, tanh and ELU.",
    made_in=ESSAY,
    literature="Krizhevsky et al. 2012 for training time; memory traffic decides on today's CPUs.",
    predicted="Forward of 4 million floats, ms: leaky 0.52, sigmoid 0.84, GELU 1.56, ELU 3.25, softplus 4.1, "
    "tanh 8.2.",
    expected="mixed",
    defined=DEFINED,
    experiment=f"{_TIMED} Far cheaper is by a factor of 2. What that is of a whole step is `cheaper_training`.",
    method=_FUNCTION,
    hypotheses=tuple(
        says(
            f"{other} costs more than twice as much, {what}",
            f"{what}, {other}",
            "higher",
            math.log10(2),
            than=f"{what}, leaky_relu",
            unit=_RATIO,
        )
        for what in _WHAT
        for other in ("sigmoid", "tanh", "elu")
    ),
    predictions=tuple(
        Prediction(
            f"{other} costs {ms / 0.52:.1f} times Leaky ReLU, within 1.5 times, value alone (log10)",
            (f"value, {other}", "value, leaky_relu"),
            math.log10(ms / 0.52 / 1.5),
            math.log10(ms / 0.52 * 1.5),
        )
        for other, ms in (("sigmoid", 0.84), ("gelu", 1.56), ("elu", 3.25), ("softplus", 4.1), ("tanh", 8.2))
    ),
)

CHEAPER_TRAINING = Claim(
    number=18,
    name="cheaper_training",
    statement="Training with Leaky ReLU is cheaper than with sigmoid, tanh or ELU.",
    made_in=ESSAY,
    literature="None known that shows the share of a step.",
    predicted="A small share of a step where products of matrices dominate.",
    expected=None,
    defined=DEFINED,
    experiment=f"{_TRAINED} Cheaper is by 10 % of a step.",
    method=_STEP,
    hypotheses=tuple(
        says(
            f"a step with {other} takes longer, width {width}",
            f"step, {other}, width {width}",
            "higher",
            _TENTH,
            than=f"step, leaky_relu, width {width}",
            unit=_RATIO,
        )
        for width in (64, 512)
        for other in ("sigmoid", "tanh", "elu")
    ),
    predictions=(
        Prediction(
            "Leaky ReLU is less than a tenth of a step at width 512",
            ("share, leaky_relu, width 512",),
            -0.1,
            0.1,
        ),
    ),
)

DEARER = Claim(
    number=19,
    name="dearer",
    statement="Leaky ReLU costs more than ReLU.",
    made_in=BLOG,
    literature="Both read and write as much.",
    predicted="No: memory bound on a CPU; 0.52 ms beside 0.53 for 4 million floats.",
    expected="refuted",
    defined=DEFINED,
    experiment=f"{_TIMED} More is by 10 %.",
    method=_FUNCTION,
    hypotheses=tuple(
        says(
            f"it takes longer than ReLU, {what}",
            f"{what}, leaky_relu",
            "higher",
            _TENTH,
            than=f"{what}, relu",
            unit=_RATIO,
        )
        for what in _WHAT
    ),
    predictions=(
        Prediction(
            "as long as ReLU, within 10 %, value alone (log10)",
            ("value, leaky_relu", "value, relu"),
            -_TENTH,
            _TENTH,
        ),
    ),
)

DEARER_TRAINING = Claim(
    number=19,
    name="dearer_training",
    statement="Training with Leaky ReLU costs more than with ReLU.",
    made_in=BLOG,
    literature="None known that shows a step.",
    predicted="No.",
    expected="refuted",
    defined=DEFINED,
    experiment=f"{_TRAINED} More is by 10 % of a step.",
    method=_STEP,
    hypotheses=tuple(
        says(
            f"a step takes longer than with ReLU, width {width}",
            f"step, leaky_relu, width {width}",
            "higher",
            _TENTH,
            than=f"step, relu, width {width}",
            unit=_RATIO,
        )
        for width in (64, 512)
    ),
)

CLAIMS = (CHEAPER, CHEAPER_TRAINING, DEARER, DEARER_TRAINING)
