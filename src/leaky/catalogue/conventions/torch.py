"""PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leaky.catalogue.conventions.questions import INF, NAN, Answers
from leaky.catalogue.conventions.record import NUM_PARAMETERS, Argument, Convention, parameter

_VERSION = "2.13.0"
_SOURCE = "torch/nn/modules/activation.py, aten/src/ATen/native/Activation.cpp"

ANSWERS: Final[Mapping[str, Answers]] = {
    "relu": Answers((0.0,), NAN, 1.0, 0.0),
    "leaky_relu": Answers((0.1,), NAN, 0.1, -INF, (NAN,)),
    "prelu": Answers((0.1,), NAN, 0.1, -INF, (NAN,)),
    "rrelu": Answers((0.2,), NAN, 0.2, -INF),
    "relu6": Answers((0.0, 0.0), NAN, 1.0, 0.0, (6.0,)),
    "elu": Answers((2.0,), NAN, 1.0, -2.0, (-2e-8,)),
    "selu": Answers((1.7581,), NAN, 1.0507, -1.7581, (-1.7581e-8,)),
    "celu": Answers((1.0,), NAN, 1.0, -2.0, (-1e-8,)),
    "softplus": Answers((), NAN, NAN, 0.0, (INF,)),
    "sigmoid": Answers((), NAN, NAN, 0.0),
    "tanh": Answers((), NAN, NAN, -1.0),
    "hardtanh": Answers((0.0, 0.0), NAN, 1.0, -1.0),
    "hardsigmoid": Answers((0.0, 0.0), NAN, 0.0, 0.0, (2 / 3,)),
    "hardswish": Answers((0.0, 1.0), NAN, 1.0, NAN, (INF,)),
    "hardshrink": Answers((0.0, 0.0), NAN, 1.0, -INF),
    "softsign": Answers((), NAN, NAN, NAN, (NAN,)),
    "gelu": Answers((), NAN, NAN, NAN, (INF,)),
    "silu": Answers((), NAN, NAN, NAN, (INF,)),
    "mish": Answers((), NAN, NAN, NAN, (INF,)),
    "thresholded_relu": Answers((0.0,), NAN, 1.0, 0.0),
}
"""Of one element: a vector's gradient at NaN is another for some, and `gelu(inf)` is NaN in one; see `remark`."""

_REMARKS = {
    **dict.fromkeys(("relu6", "hardtanh", "hardshrink"), "in arrays of a vector's length f'(NaN) is 0"),
    **dict.fromkeys(("elu", "selu", "celu", "hardswish"), "in arrays of a vector's length f'(NaN) is NaN"),
    "gelu": "in arrays of a vector's length f(inf) is NaN",
    "prelu": "one slope in all with num_parameters=1, otherwise one per channel (dim 1)",
    "rrelu": "in training one slope per element and call; asked here in evaluation",
}


def _row(entry: str, module: str, *functions: str, **more: Any) -> Convention:
    return Convention(
        entry=entry,
        framework="torch",
        call=f"torch.nn.{module}",
        also=tuple(f"torch.{function}" for function in functions),
        version=_VERSION,
        source=_SOURCE,
        evidence="tested",
        answers=ANSWERS[entry],
        remark=_REMARKS.get(entry, ""),
        **more,
    )


TORCH: Final = (
    _row("relu", "ReLU", "nn.functional.relu", "relu"),
    _row(
        "leaky_relu", "LeakyReLU", "nn.functional.leaky_relu", arguments=(parameter("negative_slope", 0.01),)
    ),
    _row(
        "prelu",
        "PReLU",
        arguments=(NUM_PARAMETERS, parameter("init", 0.25, "negative_slope")),
    ),
    _row(
        "rrelu",
        "RReLU",
        "nn.functional.rrelu",
        "rrelu",
        arguments=(parameter("lower", 1 / 8), parameter("upper", 1 / 3)),
    ),
    _row("relu6", "ReLU6", "nn.functional.relu6"),
    _row("elu", "ELU", "nn.functional.elu", arguments=(parameter("alpha", 1.0),)),
    _row("selu", "SELU", "nn.functional.selu", "selu"),
    _row("celu", "CELU", "nn.functional.celu", "celu", arguments=(parameter("alpha", 1.0),)),
    _row(
        "softplus",
        "Softplus",
        "nn.functional.softplus",
        arguments=(parameter("beta", 1.0), parameter("threshold", 20.0)),
    ),
    _row("sigmoid", "Sigmoid", "sigmoid"),
    _row("tanh", "Tanh", "tanh"),
    _row(
        "hardtanh",
        "Hardtanh",
        "nn.functional.hardtanh",
        arguments=(parameter("min_val", -1.0), parameter("max_val", 1.0)),
    ),
    _row(
        "hardsigmoid",
        "Hardsigmoid",
        "nn.functional.hardsigmoid",
        fixed=(("slope", 1 / 6), ("offset", 0.5)),
    ),
    _row("hardswish", "Hardswish", "nn.functional.hardswish"),
    _row(
        "hardshrink",
        "Hardshrink",
        "nn.functional.hardshrink",
        "hardshrink",
        arguments=(parameter("lambd", 0.5),),
    ),
    _row("softsign", "Softsign", "nn.functional.softsign"),
    _row("gelu", "GELU", "nn.functional.gelu", arguments=(parameter("approximate", "none"),)),
    _row("silu", "SiLU", "nn.functional.silu", fixed=(("beta", 1.0),)),
    _row("mish", "Mish", "nn.functional.mish"),
    _row(
        "thresholded_relu",
        "Threshold",
        "nn.functional.threshold",
        "threshold",
        arguments=(parameter("threshold"), Argument("value", must=0.0)),
    ),
)
