"""Keras 3: one set of names on every backend, and answers that differ by backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from leaky.catalogue.conventions import jax, torch
from leaky.catalogue.conventions.questions import INF, NAN, Answers
from leaky.catalogue.conventions.record import GELU, Argument, Convention, Evidence, parameter

_RELU_OF: Final = ("keras.layers.ReLU", "keras.activations.relu")
"""The two callables that are several entries, by their arguments."""
_KERAS_OWN: Final[Mapping[str, Mapping[str, Answers]]] = {
    "torch": {
        "prelu": Answers((0.0,), NAN, 1.1, -INF, (NAN,)),
        "clipped_relu": Answers((0.0, 1.0), NAN, 0.0, 0.0, (2.0,)),
    },
    "jax": {
        "prelu": Answers((0.0,), NAN, 0.0, -INF, (NAN,)),
        "clipped_relu": Answers((0.0, 0.5), NAN, 0.0, 0.0, (2.0,)),
        "hardshrink": Answers((0.0, 0.0), 0.0, 0.0, -INF),
        "thresholded_relu": Answers((0.0,), 0.0, 0.0, 0.0),
    },
}
"""Where Keras computes by itself what the backend's library has not, or has otherwise."""
_TENSORFLOW: Final[Mapping[str, Answers]] = {
    "relu": Answers((0.0,), NAN, 0.0),
    "leaky_relu": Answers((0.1,), NAN, 0.1, -INF, (NAN,)),
    "prelu": Answers((0.0,), NAN),
    "elu": Answers((2.0,)),
    "selu": Answers((1.0507,)),
    "celu": Answers((2.0,)),
    "relu6": Answers((0.0, 0.0), values=(6.0,)),
    "hardtanh": Answers((1.0, 1.0)),
    "hardsigmoid": Answers((0.0, 0.0), values=(2 / 3,)),
    "softsign": Answers(values=(NAN,)),
}

_MAXIMUM = "max(x, negative_slope * x), another function above a slope of 1"


def _row(
    entry: str, call: str, *also: str, source: str = "activations/activations.py", **more: Any
) -> Convention:
    return Convention(
        entry=entry,
        framework="keras",
        call=f"keras.{call}",
        also=tuple(f"keras.{name}" for name in also),
        version="3.15.1",
        source=f"keras/src/{source}, backend/*/nn.py",
        evidence="tested",
        **more,
    )


def _function(entry: str, name: str, *also: str, **more: Any) -> Convention:
    return _row(entry, f"activations.{name}", f"ops.{name}", *also, **more)


def _of_relu(entry: str, layer: bool, **mapped: Argument) -> Convention:
    """`ReLU(max_value, negative_slope, threshold)` and `relu(...)` are several entries, by what is set.

    The layer raises below 0, the function does not.
    """
    plain = {
        "max_value": Argument("max_value", default=None, must=None),
        "negative_slope": Argument("negative_slope", default=0.0, must=0.0),
        "threshold": Argument("threshold", default=0.0, must=0.0),
    }
    arguments = {**plain, **mapped}
    order = (
        ("max_value", "negative_slope", "threshold")
        if layer
        else ("negative_slope", "max_value", "threshold")
    )
    return _row(
        entry,
        "layers.ReLU" if layer else "activations.relu",
        source="layers/activations/relu.py" if layer else "activations/activations.py",
        arguments=tuple(replace(arguments[name], least=0.0 if layer else None) for name in order),
    )


def _relu(layer: bool) -> tuple[Convention, ...]:
    return (
        _of_relu("relu", layer),
        _of_relu("leaky_relu", layer, negative_slope=parameter("negative_slope", 0.0)),
        _of_relu("relu6", layer, max_value=Argument("max_value", default=None, must=6.0)),
        _of_relu("clipped_relu", layer, max_value=parameter("max_value", None, "ceiling")),
        _of_relu("thresholded_relu", layer, threshold=parameter("threshold", 0.0)),
    )


_NAMES: Final = (
    _row(
        "leaky_relu",
        "layers.LeakyReLU",
        source="layers/activations/leaky_relu.py",
        arguments=(parameter("negative_slope", 0.3, former="alpha", least=0.0),),
    ),
    _function("leaky_relu", "leaky_relu", arguments=(parameter("negative_slope", 0.2),)),
    *_relu(layer=True),
    *_relu(layer=False),
    _row("relu", "ops.relu"),
    _row(
        "prelu",
        "layers.PReLU",
        source="layers/activations/prelu.py",
        arguments=(
            parameter(
                "alpha_initializer",
                "Zeros",
                "negative_slope",
                values=((0.0, "Zeros"),),
                form="keras.initializers.Constant({})",
            ),
        ),
        remark="one slope per element of the feature map; `shared_axes=[1, 2]` gives one per channel; "
        "f'(0) is 0 whatever the slope",
    ),
    _function("relu6", "relu6"),
    _row("elu", "layers.ELU", source="layers/activations/elu.py", arguments=(parameter("alpha", 1.0),)),
    _function("elu", "elu", arguments=(parameter("alpha", 1.0),)),
    _function("selu", "selu"),
    _function("celu", "celu", arguments=(parameter("alpha", 1.0),)),
    _function("softplus", "softplus", fixed=(("beta", 1.0),)),
    _function("sigmoid", "sigmoid"),
    _function("tanh", "tanh"),
    _function("hardtanh", "hard_tanh", fixed=(("min_val", -1.0), ("max_val", 1.0))),
    _function("hardsigmoid", "hard_sigmoid", fixed=(("slope", 1 / 6), ("offset", 0.5))),
    _function("hardswish", "hard_silu", "activations.hard_swish", "ops.hard_swish"),
    _function("hardshrink", "hard_shrink", arguments=(parameter("threshold", 0.5, "lambd"),)),
    _function("softsign", "softsign"),
    _row("gelu", "activations.gelu", arguments=(parameter("approximate", False, values=GELU),)),
    _row("gelu", "ops.gelu", arguments=(parameter("approximate", True, values=GELU),)),
    _function("silu", "silu", "activations.swish", "ops.swish", fixed=(("beta", 1.0),)),
    _row("mish", "activations.mish"),
    _function(
        "thresholded_relu",
        "threshold",
        arguments=(parameter("threshold"), Argument("default_value", must=0.0)),
    ),
)


def _answers(row: Convention, backend: str) -> Answers | None:
    """What Keras answers on `backend`: as the backend's library does, but for `_KERAS_OWN`."""
    if row.call in _RELU_OF and row.entry == "thresholded_relu":
        return Answers((0.0,), 0.0, 0.0, 0.0)  # x * (x > threshold)
    if backend == "tensorflow":
        return _TENSORFLOW.get(row.entry)
    library = torch.ANSWERS if backend == "torch" else jax.ANSWERS
    answers = _KERAS_OWN[backend].get(row.entry) or library[row.entry]
    if row.call in _RELU_OF and row.entry == "leaky_relu":  # at a slope of 0 it is `_further`
        return replace(answers, values=(0.0,))
    return answers


_TAKEN_FOR: Final[Mapping[str, tuple[str, str, float]]] = {
    "leaky_relu": ("relu", "negative_slope", 0.0),
    "thresholded_relu": ("relu", "threshold", 0.0),
    "clipped_relu": ("relu6", "ceiling", 6.0),
}
"""For which other function `ReLU` is taken, and at which value of which parameter."""


def _further(row: Convention, backend: str) -> tuple[Answers, ...]:
    """Where `ReLU(...)` calls the backend's relu or relu6 instead of its own formula: their answers."""
    if row.call not in _RELU_OF or row.entry not in _TAKEN_FOR:
        return ()
    other, name, value = _TAKEN_FOR[row.entry]
    library = {"torch": torch.ANSWERS, "jax": jax.ANSWERS, "tensorflow": _TENSORFLOW}[backend]
    answers = library[other]
    if (
        row.entry == "leaky_relu" and answers.minus_infinity is not None
    ):  # the point asked about at a slope of 0
        answers = replace(answers, values=(answers.minus_infinity,))
    return (replace(answers, at=((name, value),)),)


def _on_backends() -> Iterator[Convention]:
    for row in _NAMES:
        for backend in ("torch", "jax", "tensorflow"):
            answers = _answers(row, backend)
            if answers is not None:
                evidence: Evidence = "measured" if backend == "tensorflow" else "tested"
                yield replace(
                    row,
                    backend=backend,
                    answers=answers,
                    further=_further(row, backend),
                    evidence=evidence,
                )
        if row.entry == "leaky_relu":
            at_slope_0 = 0.0 if row.call in _RELU_OF else NAN
            yield replace(
                row, backend="numpy", answers=Answers((), NAN, None, -INF, (at_slope_0,)), remark=_MAXIMUM
            )


KERAS: Final = tuple(_on_backends())
