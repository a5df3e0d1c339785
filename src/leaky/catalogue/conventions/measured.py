"""Chainer, Paddle, MLX and tinygrad: run once each, in the versions named, and not by leaky's tests."""

from __future__ import annotations

from typing import Any, Final

from leaky.catalogue.conventions.questions import INF, NAN, Answers
from leaky.catalogue.conventions.record import GELU, NUM_PARAMETERS, Argument, Convention, parameter

_SLOPE = (parameter("negative_slope", 0.01),)
_ALPHA = (parameter("alpha", 1.0),)
_HARD = (("min_val", -1.0), ("max_val", 1.0))


def _row(
    framework: str, version: str, source: str, entry: str, call: str, *also: str, **more: Any
) -> Convention:
    return Convention(
        entry=entry,
        framework=framework,
        call=call,
        also=also,
        version=version,
        source=source,
        evidence="measured" if "answers" in more else "read",
        **more,
    )


def _chainer(entry: str, name: str, **more: Any) -> Convention:
    home = "links" if name[0].isupper() else "functions"
    return _row("chainer", "7.8.1", f"chainer/{home}/activation", entry, f"chainer.{home}.{name}", **more)


def _paddle(entry: str, layer: str, function: str, **more: Any) -> Convention:
    call, also = f"paddle.nn.{layer}", (f"paddle.nn.functional.{function}",) if function else ()
    source = "paddle/phi/kernels/funcs/activation_functor.h"
    return _row("paddle", "3.3.1", source, entry, call, *also, **more)


def _mlx(entry: str, layer: str, function: str, **more: Any) -> Convention:
    call, also = f"mlx.nn.{layer}", (f"mlx.nn.{function}",) if function else ()
    return _row("mlx", "0.32.4", "python/mlx/nn/layers/activations.py", entry, call, *also, **more)


def _tinygrad(entry: str, method: str, **more: Any) -> Convention:
    return _row(
        "tinygrad", "0.14.0", "tinygrad/mixin/elementwise.py", entry, f"tinygrad.Tensor.{method}", **more
    )


CHAINER: Final = (
    _chainer("relu", "relu", answers=Answers((0.0,), NAN, 0.0)),
    _chainer(
        "leaky_relu",
        "leaky_relu",
        arguments=(parameter("slope", 0.2, "negative_slope"),),
        answers=Answers((0.1,), NAN, 1.0, -INF, (NAN,)),
        remark="its documentation says x >= 0, its code scales x <= 0",
    ),
    _chainer(
        "prelu",
        "PReLU",
        arguments=(Argument("shape", default=(), must=()), parameter("init", 0.25, "negative_slope")),
        answers=Answers((1.0,)),
        remark="its documentation says x > 0, its code x >= 0",
    ),
    _chainer(
        "rrelu",
        "rrelu",
        arguments=(parameter("l", 1 / 8, "lower"), parameter("u", 1 / 3, "upper")),
        answers=Answers((1.0,)),
    ),
    _chainer(
        "clipped_relu",
        "clipped_relu",
        arguments=(parameter("z", 20.0, "ceiling"),),
        answers=Answers((0.0, 0.0)),
        remark="z must be a float",
    ),
    _chainer("relu6", "relu6", answers=Answers((0.0, 0.0))),
    _chainer("crelu", "crelu", arguments=(parameter("axis", 1, "dim"),)),
    _chainer("elu", "elu", arguments=_ALPHA, answers=Answers((2.0,))),
    _chainer("selu", "selu", answers=Answers((1.7581,))),
    _chainer(
        "hardsigmoid",
        "hard_sigmoid",
        fixed=(("slope", 0.2), ("offset", 0.5)),
        answers=Answers((0.0, 0.0), values=(0.7,)),
    ),
)

PADDLE: Final = (
    _paddle("relu", "ReLU", "relu", answers=Answers((0.0,), 0.0, 0.0)),
    _paddle(
        "leaky_relu",
        "LeakyReLU",
        "leaky_relu",
        arguments=_SLOPE,
        answers=Answers((1.0,), NAN, 0.0, -INF, (-INF,)),
        remark="max(x, negative_slope * x) below a slope of 1, min above; before, max always",
    ),
    _paddle(
        "prelu",
        "PReLU",
        "",
        arguments=(NUM_PARAMETERS, parameter("init", 0.25, "negative_slope")),
        answers=Answers((0.1,)),
    ),
    _paddle(
        "rrelu",
        "RReLU",
        "rrelu",
        arguments=(parameter("lower", 1 / 8), parameter("upper", 1 / 3)),
        answers=Answers((1.0,)),
    ),
    _paddle("relu6", "ReLU6", "relu6", answers=Answers((0.0, 0.0), values=(6.0,))),
    _paddle("elu", "ELU", "elu", arguments=_ALPHA, answers=Answers((2.0,))),
    _paddle("selu", "SELU", "selu", answers=Answers((1.7581,))),
    _paddle(
        "celu",
        "CELU",
        "celu",
        arguments=_ALPHA,
        answers=Answers((1.0,)),
        remark="f'(x) is NaN from x = 89 on",
    ),
    _paddle("softplus", "Softplus", "softplus", answers=Answers(values=(INF,))),
    _paddle("hardtanh", "Hardtanh", "hardtanh", fixed=_HARD, answers=Answers((0.0, 0.0))),
    _paddle(
        "hardsigmoid",
        "Hardsigmoid",
        "hardsigmoid",
        fixed=(("slope", 1 / 6), ("offset", 0.5)),
        answers=Answers((0.0, 0.0)),
    ),
    _paddle("softsign", "Softsign", "softsign", answers=Answers(minus_infinity=NAN, values=(NAN,))),
    _paddle(
        "gelu",
        "GELU",
        "gelu",
        arguments=(parameter("approximate", False, values=GELU),),
        answers=Answers(minus_infinity=NAN, values=(INF,)),
    ),
    _paddle(
        "silu",
        "Silu",
        "silu",
        fixed=(("beta", 1.0),),
        answers=Answers(minus_infinity=NAN),
        remark="f'(-100) is NaN",
    ),
    _paddle("mish", "Mish", "mish", answers=Answers(minus_infinity=NAN)),
)

MLX: Final = (
    _mlx("relu", "ReLU", "relu", answers=Answers((0.0,), NAN, 0.0)),
    _mlx(
        "leaky_relu",
        "LeakyReLU",
        "leaky_relu",
        arguments=_SLOPE,
        answers=Answers((1.0,), NAN, 0.0, -INF, (NAN,)),
        remark="max(negative_slope * x, x): another function above a slope of 1; NaN at inf with a slope of 0",
    ),
    _mlx(
        "prelu",
        "PReLU",
        "",
        arguments=(NUM_PARAMETERS, parameter("init", 0.25, "negative_slope")),
        answers=Answers((1.1,)),
        remark="both halves count a tie: the gradient at 0 is 1 + slope",
    ),
    _mlx("relu6", "ReLU6", "relu6", answers=Answers((0.0, 0.0), values=(6.0,))),
    _mlx(
        "elu", "ELU", "elu", arguments=_ALPHA, answers=Answers((2.0,)), remark="f'(x) is NaN from x = 88.8 on"
    ),
    _mlx("selu", "SELU", "selu", answers=Answers((1.758,)), remark="the constants have five digits"),
    _mlx(
        "celu", "CELU", "celu", arguments=_ALPHA, answers=Answers((0.0,)), remark="neither half counts a tie"
    ),
    _mlx("softplus", "Softplus", "softplus", fixed=(("beta", 1.0),), answers=Answers(values=(INF,))),
    _mlx("hardtanh", "HardTanh", "hard_tanh", fixed=_HARD, answers=Answers((0.0, 0.0))),
    _mlx("hardswish", "Hardswish", "hardswish", answers=Answers((0.0, 1.0), minus_infinity=NAN)),
    _mlx("softsign", "Softsign", "softsign", answers=Answers(minus_infinity=NAN, values=(NAN,))),
    _mlx(
        "gelu",
        "GELU",
        "gelu",
        fixed=(("approximate", "none"),),
        answers=Answers(minus_infinity=NAN, values=(INF,)),
    ),
    _mlx("silu", "SiLU", "silu", fixed=(("beta", 1.0),), answers=Answers(minus_infinity=NAN)),
    _mlx("mish", "Mish", "mish", answers=Answers(minus_infinity=NAN)),
    _mlx("squared_relu", "ReLU2", "relu2"),
)

TINYGRAD: Final = (
    _tinygrad("relu", "relu", answers=Answers((0.0,), 0.0, 0.0)),
    _tinygrad(
        "leaky_relu",
        "leaky_relu",
        arguments=(parameter("neg_slope", 0.01, "negative_slope"),),
        answers=Answers((1.0,), NAN, 1.0, -INF, (0.0,)),
    ),
    _tinygrad(
        "relu6",
        "relu6",
        answers=Answers((0.0, 1.0), values=(NAN,)),
        remark="relu(x) - relu(x - 6), which rounds",
    ),
    _tinygrad(
        "elu", "elu", arguments=_ALPHA, answers=Answers((0.0,)), remark="f'(x) is NaN from x = 88.8 on"
    ),
    _tinygrad("selu", "selu", answers=Answers((1.0507,)), remark="the constants have five digits"),
    _tinygrad("celu", "celu", arguments=_ALPHA, answers=Answers((1.0,))),
    _tinygrad("softplus", "softplus", arguments=(parameter("beta", 1.0),), answers=Answers(values=(NAN,))),
    _tinygrad(
        "hardtanh",
        "hardtanh",
        arguments=(parameter("min_val", -1.0), parameter("max_val", 1.0)),
        answers=Answers((1.0, 1.0)),
    ),
    _tinygrad("softsign", "softsign", answers=Answers(minus_infinity=NAN, values=(NAN,))),
    _tinygrad(
        "gelu", "gelu", fixed=(("approximate", "tanh"),), answers=Answers(minus_infinity=NAN, values=(INF,))
    ),
    _tinygrad("silu", "silu", fixed=(("beta", 1.0),), answers=Answers(minus_infinity=NAN)),
    _tinygrad("mish", "mish", answers=Answers(minus_infinity=NAN)),
)
