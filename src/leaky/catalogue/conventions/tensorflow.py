"""TensorFlow, the Keras 2 and the add-ons that belonged to it, and TensorFlow Lite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leaky.catalogue.conventions.questions import INF, NAN, Answers
from leaky.catalogue.conventions.record import GELU, Argument, Convention, parameter

_ANSWERS: Final[Mapping[str, Answers]] = {
    "relu": Answers((0.0,), NAN, 0.0),
    "leaky_relu": Answers((0.1,), NAN, 0.1, -INF, (NAN,)),
    "relu6": Answers((0.0, 0.0), values=(6.0,)),
    "elu": Answers((1.0,), values=(0.0,)),
    "selu": Answers((1.0507,)),
    "softplus": Answers(values=(INF,)),
    "softsign": Answers(minus_infinity=NAN, values=(NAN,)),
    "gelu": Answers(minus_infinity=NAN, values=(INF,)),
    "silu": Answers(minus_infinity=NAN, values=(INF,)),
}


def _tf(entry: str, function: str, *also: str, **more: Any) -> Convention:
    return Convention(
        entry=entry,
        framework="tensorflow",
        call=f"tf.nn.{function}",
        also=tuple(f"tf.{name}" for name in also),
        version="2.21.0",
        source="tensorflow/core/kernels/relu_op_functor.h"
        if "elu" in function
        else "tensorflow/python/ops/nn_ops.py",
        evidence="measured" if entry in _ANSWERS else "read",
        answers=_ANSWERS.get(entry, Answers()),
        **more,
    )


def _keras2(entry: str, call: str, **more: Any) -> Convention:
    return Convention(
        entry=entry,
        framework="keras2",
        call=f"tf_keras.{call}",
        version="2.16",
        source="tf_keras/" + ("layers/activation/" if call.startswith("layers") else "backend.py"),
        evidence="read",
        **more,
    )


def _keras2_relu(entry: str, **mapped: Argument) -> Convention:
    plain = {
        "max_value": Argument("max_value", default=None, must=None),
        "negative_slope": Argument("negative_slope", default=0.0, must=0.0),
        "threshold": Argument("threshold", default=0.0, must=0.0),
    }
    return _keras2(entry, "layers.ReLU", arguments=tuple({**plain, **mapped}.values()))


TENSORFLOW: Final = (
    _tf("relu", "relu"),
    _tf(
        "leaky_relu",
        "leaky_relu",
        arguments=(parameter("alpha", 0.2, "negative_slope"),),
    ),
    _tf("relu6", "relu6"),
    _tf("elu", "elu", fixed=(("alpha", 1.0),), remark="exp(x) - 1: 0 for x just below 0"),
    _tf("selu", "selu"),
    _tf("softplus", "softplus", "math.softplus", fixed=(("beta", 1.0),)),
    _tf("softsign", "softsign"),
    _tf("sigmoid", "sigmoid", "math.sigmoid"),
    _tf("tanh", "tanh", "math.tanh"),
    _tf("gelu", "gelu", arguments=(parameter("approximate", False, values=GELU),)),
    _tf("silu", "silu", "nn.swish", arguments=(parameter("beta", 1.0),)),
    _tf("crelu", "crelu", arguments=(parameter("axis", -1, "dim"),)),
    Convention(
        entry="rrelu",
        framework="tensorflow",
        call="tfa.activations.rrelu",
        arguments=(parameter("lower", 1 / 8), parameter("upper", 1 / 3)),
        version="addons",
        source="tensorflow_addons/activations/rrelu.py",
        answers=Answers((1.0,)),
        evidence="read",
    ),
)

KERAS2: Final = (
    _keras2("leaky_relu", "layers.LeakyReLU", arguments=(parameter("alpha", 0.3, "negative_slope"),)),
    _keras2_relu("relu"),
    _keras2_relu("leaky_relu", negative_slope=parameter("negative_slope", 0.0)),
    _keras2_relu("clipped_relu", max_value=parameter("max_value", None, "ceiling")),
    _keras2(
        "prelu",
        "layers.PReLU",
        arguments=(
            parameter(
                "alpha_initializer",
                "zeros",
                "negative_slope",
                values=((0.0, "zeros"),),
                form="tf_keras.initializers.Constant({})",
            ),
        ),
        answers=Answers((0.0,)),
        remark="one slope per element of the feature map; `shared_axes=[1, 2]` gives one per channel; "
        "f'(0) is 0 whatever the slope",
    ),
    _keras2("thresholded_relu", "layers.ThresholdedReLU", arguments=(parameter("theta", 1.0, "threshold"),)),
    _keras2("elu", "layers.ELU", arguments=(parameter("alpha", 1.0),)),
    _keras2(
        "hardsigmoid",
        "activations.hard_sigmoid",
        fixed=(("slope", 0.2), ("offset", 0.5)),
        answers=Answers(values=(0.7,)),
    ),
    Convention(
        entry="leaky_relu",
        framework="tflite",
        call="LEAKY_RELU",
        arguments=(parameter("alpha", ours="negative_slope"),),
        answers=Answers((), NAN, None, -INF, (NAN,)),
        version="2.21.0",
        source="tensorflow/lite/kernels/internal/reference/leaky_relu.h",
        evidence="read",
        remark="alpha is an attribute of the converted model; quantised: x >= 0 and two multipliers",
    ),
)
