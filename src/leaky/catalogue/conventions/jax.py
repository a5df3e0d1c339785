"""JAX, and Flax, which hands JAX's functions on and adds PReLU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from leaky.catalogue.conventions.questions import INF, NAN, Answers
from leaky.catalogue.conventions.record import GELU, Convention, parameter

ANSWERS: Final[Mapping[str, Answers]] = {
    "relu": Answers((0.0,), NAN, 0.0, 0.0),
    "leaky_relu": Answers((1.0,), NAN, 0.1, -INF, (NAN,)),
    "prelu": Answers((1.0,), NAN, 0.1, -INF, (NAN,)),
    "relu6": Answers((0.0, 0.0), NAN, 0.0, 0.0, (6.0,)),
    "elu": Answers((2.0,), NAN, NAN, -2.0, (-2e-8,)),
    "selu": Answers((1.7581,), NAN, NAN, -1.7581, (-1.7581e-8,)),
    "celu": Answers((1.0,), NAN, NAN, -2.0, (-1e-8,)),
    "softplus": Answers((), NAN, NAN, 0.0, (INF,)),
    "sigmoid": Answers((), NAN, NAN, 0.0),
    "tanh": Answers((), NAN, NAN, -1.0),
    "hardtanh": Answers((1.0, 1.0), NAN, 1.0, -1.0),
    "hardsigmoid": Answers((0.0, 0.0), NAN, 0.0, 0.0, (2 / 3,)),
    "hardswish": Answers((0.0, 1.0), NAN, NAN, NAN, (INF,)),
    "softsign": Answers((), NAN, NAN, NAN, (NAN,)),
    "gelu": Answers((), NAN, NAN, NAN, (INF,)),
    "silu": Answers((), NAN, NAN, NAN, (INF,)),
    "mish": Answers((), NAN, NAN, NAN, (INF,)),
}
"""JAX's functions, and Flax's PReLU."""


def _row(entry: str, function: str, *also: str, **more: Any) -> Convention:
    return Convention(
        entry=entry,
        framework="jax",
        call=f"jax.nn.{function}",
        also=tuple(f"jax.{name}" for name in also),
        version="0.10.2",
        source="jax/_src/nn/functions.py",
        evidence="tested",
        answers=ANSWERS[entry],
        **more,
    )


def _flax(call: str) -> Convention:
    return Convention(
        entry="prelu",
        framework="flax",
        call=f"flax.{call}",
        version="0.12.8",
        source="flax/linen/activation.py, flax/nnx/nn/activations.py",
        evidence="tested",
        answers=ANSWERS["prelu"],
        arguments=(parameter("negative_slope_init", 0.01, "negative_slope"),),
        remark="one slope in all",
    )


JAX: Final = (
    _row("relu", "relu"),
    _row("leaky_relu", "leaky_relu", arguments=(parameter("negative_slope", 0.01),)),
    _row("relu6", "relu6"),
    _row("elu", "elu", arguments=(parameter("alpha", 1.0),)),
    _row("selu", "selu"),
    _row("celu", "celu", arguments=(parameter("alpha", 1.0),)),
    _row("softplus", "softplus", fixed=(("beta", 1.0),)),
    _row("sigmoid", "sigmoid"),
    _row("tanh", "tanh", "numpy.tanh"),
    _row("hardtanh", "hard_tanh", fixed=(("min_val", -1.0), ("max_val", 1.0))),
    _row("hardsigmoid", "hard_sigmoid", fixed=(("slope", 1 / 6), ("offset", 0.5))),
    _row("hardswish", "hard_swish", "nn.hard_silu"),
    _row("softsign", "soft_sign"),
    _row("gelu", "gelu", arguments=(parameter("approximate", True, values=GELU),)),
    _row("silu", "silu", "nn.swish", fixed=(("beta", 1.0),)),
    _row("mish", "mish"),
)

_NOT_IN_FLAX: Final = ("mish",)

FLAX: Final = (
    *(
        replace(
            row,
            framework="flax",
            call=row.call.replace("jax.nn.", "flax.linen."),
            also=(row.call.replace("jax.nn.", "flax.nnx."),),
            version="0.12.8",
            source="flax/linen/activation.py hands on jax.nn's function",
        )
        for row in JAX
        if row.entry not in _NOT_IN_FLAX
    ),
    _flax("linen.PReLU"),
    _flax("nnx.PReLU"),
)
