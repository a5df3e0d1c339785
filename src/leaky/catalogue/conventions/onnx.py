"""ONNX, the operators' defaults, and ONNX Runtime, what its CPU kernels answer. Neither has gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leaky.catalogue.conventions.questions import INF, NAN, Answers
from leaky.catalogue.conventions.record import Argument, Convention, parameter

_ANSWERS: Final[Mapping[str, Answers]] = {
    "relu": Answers((), NAN, None, 0.0),
    "leaky_relu": Answers((), NAN, None, -INF, (NAN,)),
    "prelu": Answers((), NAN, None, -INF, (NAN,)),
    "elu": Answers((), NAN, None, -2.0, (0.0,)),
    "selu": Answers((), NAN, None, -1.7581, (0.0,)),
    "celu": Answers((), NAN, None, -2.0, (0.0,)),
    "thresholded_relu": Answers((), 0.0, None, 0.0),
    "softplus": Answers((), NAN, None, 0.0, (INF,)),
    "softsign": Answers((), NAN, None, NAN, (NAN,)),
    "sigmoid": Answers((), NAN, None, 0.0),
    "tanh": Answers((), NAN, None, -1.0),
    "hardsigmoid": Answers((), NAN, None, 0.0, (0.7,)),
    "hardswish": Answers((), NAN, None, NAN, (INF,)),
    "hardtanh": Answers((), NAN, None, -1.0),
    "hardshrink": Answers((), 0.0, None, -INF),
    "gelu": Answers((), NAN, None, NAN, (INF,)),
    "mish": Answers((), NAN, None, NAN, (INF,)),
    "silu": Answers((), NAN, None, NAN, (INF,)),
}


def _row(entry: str, operator: str, opset: int, **more: Any) -> Convention:
    return Convention(
        entry=entry,
        framework="onnx",
        backend="onnxruntime",
        call=operator,
        version=f"1.31.1, opset {opset}",
        source="the operator's schema; onnxruntime's CPU kernel",
        evidence="tested",
        answers=_ANSWERS[entry],
        **more,
    )


ONNX: Final = (
    _row("relu", "Relu", 14),
    _row("leaky_relu", "LeakyRelu", 16, arguments=(parameter("alpha", 0.01, "negative_slope"),)),
    _row(
        "prelu",
        "PRelu",
        16,
        arguments=(parameter("slope", ours="negative_slope"),),
        remark="`slope` is an input that broadcasts to x: one per channel has the shape (C, 1, 1)",
    ),
    _row("elu", "Elu", 6, arguments=(parameter("alpha", 1.0),)),
    _row(
        "selu",
        "Selu",
        6,
        arguments=(
            Argument("alpha", default=1.67326319217681884765625, must=1.67326319217681884765625),
            Argument("gamma", default=1.05070102214813232421875, must=1.05070102214813232421875),
        ),
    ),
    _row("celu", "Celu", 12, arguments=(parameter("alpha", 1.0),)),
    _row("thresholded_relu", "ThresholdedRelu", 10, arguments=(parameter("alpha", 1.0, "threshold"),)),
    _row("softplus", "Softplus", 1, fixed=(("beta", 1.0),)),
    _row("softsign", "Softsign", 1),
    _row("sigmoid", "Sigmoid", 13),
    _row("tanh", "Tanh", 13),
    _row(
        "hardsigmoid",
        "HardSigmoid",
        6,
        arguments=(parameter("alpha", 0.2, "slope"), parameter("beta", 0.5, "offset")),
    ),
    _row("hardswish", "HardSwish", 14),
    _row(
        "hardtanh", "Clip", 13, arguments=(parameter("min", ours="min_val"), parameter("max", ours="max_val"))
    ),
    _row(
        "hardshrink",
        "Shrink",
        9,
        arguments=(Argument("bias", default=0.0, must=0.0), parameter("lambd", 0.5)),
    ),
    _row("gelu", "Gelu", 20, arguments=(parameter("approximate", "none"),)),
    _row("mish", "Mish", 18),
    _row("silu", "Swish", 24, arguments=(parameter("alpha", 1.0, "beta"),)),
)
