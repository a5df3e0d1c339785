"""Wrong arguments of bias_act, its layer and the shims: one line, in the words of what was called."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

import leaky
from leaky.nn.compat import mmcv, rosinality, stylegan3

bias_act = leaky.nn.functional.bias_act
BiasAct = leaky.nn.BiasAct
Made = Callable[..., Any]
X, B = torch.ones(2, 3, 4), torch.zeros(3)
NO_NUMBERS: list[Any] = ["8", True, [1.0], 1j, torch.tensor(2.0), torch.ones(2), math.nan, math.inf, 10**400]
NO_INTEGERS: list[Any] = ["8", None, True, 1.0, math.nan, [3], torch.tensor(3)]
NO_TENSORS: list[Any] = ["x", 1.0, True, [0.0, 0.0, 0.0]]
NO_CLAMPS = [*NO_NUMBERS, 0, -1.0]

# what is called, the words it is told in, its argument, and what that must not be
ARGUMENTS: list[tuple[str, Made, str, list[Any]]] = [
    ("bias_act", lambda **a: bias_act(X, B, **a), "gain", [*NO_NUMBERS, None]),
    ("bias_act", lambda **a: bias_act(X, B, **a), "clamp", NO_CLAMPS),
    ("bias_act", lambda **a: bias_act(X, **a), "dim", NO_INTEGERS),
    ("bias_act", lambda **a: bias_act(X, **a), "bias", NO_TENSORS),
    (
        "bias_act",
        lambda **a: bias_act(X, **a),
        "activation",
        [torch.relu, torch.nn.ReLU(), 3, ["relu"], True],
    ),
    ("BiasAct", BiasAct, "num_features", [*NO_INTEGERS, 0, -1, 10**30]),
    ("BiasAct", lambda **a: BiasAct(3, **a), "gain", [*NO_NUMBERS, None]),
    ("BiasAct", lambda **a: BiasAct(3, **a), "clamp", NO_CLAMPS),
    ("BiasAct", lambda **a: BiasAct(3, **a), "dim", NO_INTEGERS),
    ("BiasAct", lambda **a: BiasAct(3, **a), "activation", [torch.relu, torch.nn.ReLU, 3, ["relu"]]),
    ("BiasAct", lambda **a: BiasAct(3, **a), "dtype", ["float32", torch.int64, torch.complex64, 3]),
    ("BiasAct", lambda **a: BiasAct(3, **a), "device", ["foo", 1.5, [0]]),
    ("bias_act", lambda **a: stylegan3.bias_act(X, act="lrelu", **a), "alpha", NO_NUMBERS),
    ("bias_act", lambda **a: stylegan3.bias_act(X, act="relu", **a), "alpha", NO_NUMBERS),
    ("bias_act", lambda **a: stylegan3.bias_act(X, act="lrelu", **a), "gain", NO_NUMBERS),
    ("bias_act", lambda **a: stylegan3.bias_act(X, act="swish", **a), "gain", NO_NUMBERS),
    ("bias_act", lambda **a: stylegan3.bias_act(X, act="lrelu", **a), "clamp", NO_CLAMPS),
    ("bias_act", lambda **a: stylegan3.bias_act(X, act="relu", **a), "clamp", NO_CLAMPS),
    ("bias_act", lambda **a: stylegan3.bias_act(X, **a), "dim", NO_INTEGERS),
    ("bias_act", lambda **a: stylegan3.bias_act(X, **a), "b", NO_TENSORS),
    ("bias_act", lambda **a: stylegan3.bias_act(X, **a), "impl", ["triton", None, 1, ["ref"]]),
    ("fused_leaky_relu", lambda **a: rosinality.fused_leaky_relu(X, **a), "bias", NO_TENSORS),
    (
        "fused_leaky_relu",
        lambda **a: rosinality.fused_leaky_relu(X, B, **a),
        "negative_slope",
        [*NO_NUMBERS, None],
    ),
    ("fused_leaky_relu", lambda **a: rosinality.fused_leaky_relu(X, B, **a), "scale", [*NO_NUMBERS, None]),
    ("FusedLeakyReLU", rosinality.FusedLeakyReLU, "channel", [*NO_INTEGERS, 0, -1]),
    ("FusedLeakyReLU", lambda **a: rosinality.FusedLeakyReLU(3, **a), "bias", ["no", None, 1, B]),
    (
        "FusedLeakyReLU",
        lambda **a: rosinality.FusedLeakyReLU(3, **a),
        "negative_slope",
        [*NO_NUMBERS, None],
    ),
    ("FusedLeakyReLU", lambda **a: rosinality.FusedLeakyReLU(3, **a), "scale", [*NO_NUMBERS, None]),
    ("fused_bias_leakyrelu", lambda **a: mmcv.fused_bias_leakyrelu(X, **a), "bias", NO_TENSORS),
    (
        "fused_bias_leakyrelu",
        lambda **a: mmcv.fused_bias_leakyrelu(X, B, **a),
        "negative_slope",
        [*NO_NUMBERS, None],
    ),
    ("fused_bias_leakyrelu", lambda **a: mmcv.fused_bias_leakyrelu(X, B, **a), "scale", [*NO_NUMBERS, None]),
    ("FusedBiasLeakyReLU", mmcv.FusedBiasLeakyReLU, "num_channels", [*NO_INTEGERS, 0, -1]),
    (
        "FusedBiasLeakyReLU",
        lambda **a: mmcv.FusedBiasLeakyReLU(3, **a),
        "negative_slope",
        [*NO_NUMBERS, None],
    ),
    ("FusedBiasLeakyReLU", lambda **a: mmcv.FusedBiasLeakyReLU(3, **a), "scale", [*NO_NUMBERS, None]),
]


def refused(call: Callable[[], Any]) -> str:
    """The one line that a call is refused with."""
    with pytest.raises(leaky.LeakyError) as raised:
        call()
    message = str(raised.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("function", "call", "argument", "wrong"), ARGUMENTS, ids=[f"{row[0]}-{row[2]}" for row in ARGUMENTS]
)
def test_wrong_kinds_and_values(function: str, call: Made, argument: str, wrong: list[Any]) -> None:
    for value in wrong:
        message = refused(lambda: call(**{argument: value}))  # noqa: B023
        assert message.startswith(f"{function}: `{argument}` must ")
        given = {10**400: "inf", 10**30: "1000"}.get(value) if type(value) is int else None
        shown = " ".join(f"{value:g}".split()) if isinstance(value, float) else " ".join(repr(value).split())
        assert f"got {given or shown[:40]}" in message


INPUTS: list[tuple[str, Made, str]] = [
    ("bias_act", bias_act, "x"),
    ("bias_act", lambda x: bias_act(x, activation="leaky_relu"), "x"),
    ("bias_act", lambda x: bias_act(x, activation="gelu", clamp=1.0), "x"),
    ("BiasAct", BiasAct(3, activation="relu"), "input"),
    ("bias_act", lambda x: stylegan3.bias_act(x, act="lrelu"), "x"),
    ("bias_act", lambda x: stylegan3.bias_act(x, act="swish"), "x"),
    ("fused_leaky_relu", rosinality.fused_leaky_relu, "input"),
    ("FusedLeakyReLU", rosinality.FusedLeakyReLU(3), "input"),
    ("fused_bias_leakyrelu", lambda x: mmcv.fused_bias_leakyrelu(x, B), "input"),
    ("FusedBiasLeakyReLU", mmcv.FusedBiasLeakyReLU(3), "input"),
]
WRONG_INPUTS: dict[str, tuple[Callable[[], Any], str]] = {
    "text": (lambda: "x", "must be a tensor of FLOATS, got 'x'; write torch.as_tensor(...)"),
    "None": (lambda: None, "must be a tensor of FLOATS, got None; write torch.as_tensor(...)"),
    "list": (lambda: [1.0], "must be a tensor of FLOATS, got [1.0]; write torch.as_tensor(...)"),
    "integers": (
        lambda: torch.ones(2, 3).int(),
        "must be a tensor of FLOATS, got torch.int32; give NAME.float()",
    ),
    "booleans": (lambda: X > 0, "must be a tensor of FLOATS, got torch.bool; give NAME.float()"),
    "complex": (lambda: X * 1j, "must be a tensor of FLOATS, got torch.complex64; give NAME.real"),
    "sparse": (lambda: torch.eye(3).to_sparse(), "must be dense, got torch.sparse_coo; give NAME.to_dense()"),
    "sparse rows": (
        lambda: torch.eye(3).to_sparse_csr(),
        "must be dense, got torch.sparse_csr; give NAME.to_dense()",
    ),
    "nested": (
        lambda: torch.nested.nested_tensor([B, B]),
        "must be dense, got a nested tensor; give it padded",
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # sparse and nested tensors are in beta, torch says
@pytest.mark.parametrize("kind", WRONG_INPUTS)
def test_inputs_that_are_not_dense_and_floating(kind: str) -> None:
    make, words = WRONG_INPUTS[kind]
    floats = "float32, float64, bfloat16 or float16"
    for function, call, name in INPUTS:
        wanted = f"{function}: `{name}` {words.replace('FLOATS', floats).replace('NAME', name)}"
        assert refused(lambda: call(make())) == wanted  # noqa: B023


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_jagged_inputs() -> None:
    """They are subclasses, so that the function itself is what they see of shims and layers."""
    x = torch.nested.nested_tensor([torch.ones(1, 3), torch.ones(2, 3)], layout=torch.jagged)
    for _, call, _ in INPUTS:
        assert refused(lambda: call(x)).endswith("must be dense, got a nested tensor; give it padded")  # noqa: B023


@pytest.mark.filterwarnings("ignore::UserWarning")  # quantised tensors are deprecated
def test_quantised_inputs() -> None:
    x = torch.quantize_per_tensor(X, 0.1, 0, torch.qint8)
    for _, call, name in INPUTS:
        assert refused(lambda: call(x)).endswith(f"got torch.qint8; give {name}.dequantize()")  # noqa: B023


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_biases() -> None:
    start = "fused_leaky_relu: `bias` must"
    for bias, words in (
        (torch.zeros(4), "have shape (3,), as dimension 1 of input, (2, 3, 4), got (4,)"),
        (torch.zeros(3, 1), "have shape (3,), as dimension 1 of input, (2, 3, 4), got (3, 1)"),
        (B.double(), "be of float32 or input's dtype, torch.float32, got torch.float64; cast it"),
        (B.int(), "be of float32 or input's dtype, torch.float32, got torch.int32; cast it"),
        (B.to("meta"), "be on input's device, cpu, got meta; move it there"),
        (B.to_sparse(), "be dense, got torch.sparse_coo; give bias.to_dense()"),
    ):
        assert refused(lambda: rosinality.fused_leaky_relu(X, bias)) == f"{start} {words}"  # noqa: B023
    assert refused(lambda: stylegan3.bias_act(X, B, dim=3)) == (
        "bias_act: `dim` must be a dimension of x, (2, 3, 4), got 3; give one from -3 to 2"
    )
    for bias in (B.int(), B * 1j):  # mmcv's casts numbers with a fraction alone
        assert refused(lambda: mmcv.fused_bias_leakyrelu(X, bias)) == (  # noqa: B023
            f"fused_bias_leakyrelu: `bias` must be of float32 or input's dtype, torch.float32, got {bias.dtype}; "
            "cast it"
        )
    half = mmcv.fused_bias_leakyrelu(X, B.double() + 0.5)
    assert torch.equal(half, mmcv.fused_bias_leakyrelu(X, B + 0.5))


def test_a_functions_name_is_what_to_write() -> None:
    start = "bias_act: `activation` must be a spec such as 'relu', got"
    function = torch.nn.functional.leaky_relu
    assert refused(lambda: bias_act(X, activation=function)).endswith("; write 'leaky_relu'")  # type: ignore[arg-type]
    for given, remedy in (
        (torch.nn.SiLU, f"{torch.nn.SiLU!r}; write 'silu'"),
        (torch.nn.SiLU(), "SiLU(); leaky.from_module(it) is the spec of a module"),
        (leaky.catalogue["elu"], "the entry elu; write 'elu'"),
        (math.exp, "<built-in function exp>; `leaky list` prints the names"),
    ):
        assert refused(lambda: bias_act(X, activation=given)) == f"{start} {remedy}"  # type: ignore[arg-type] # noqa: B023


def test_an_unknown_act_of_stylegan() -> None:
    for act in ("leaky", None, ["lrelu"]):
        message = refused(lambda: stylegan3.bias_act(X, act=act))  # type: ignore[arg-type] # noqa: B023
        assert message.startswith("unknown act `")
        assert "known are elu, linear, lrelu" in message or "did you mean" in message


def test_integers_of_numpy_are_integers() -> None:
    import numpy as np

    assert torch.equal(bias_act(X, B + 1, dim=np.int64(1)), X + 1)  # type: ignore[arg-type]
    assert rosinality.FusedLeakyReLU(np.int64(3))(X).shape == X.shape  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: bias_act(x, gain=True), "bias_act: `gain` must be a number, got True"),
        (lambda x: bias_act(x, clamp="1"), "bias_act: `clamp` must be a number, got '1'"),
        (lambda x: bias_act(x, clamp=-1.0), "bias_act: `clamp` must be finite and above 0, got -1"),
        (
            lambda x: stylegan3.bias_act(x, act="lrelu", alpha=math.nan),
            "bias_act: `alpha` must be finite, got nan",
        ),
        (lambda x: rosinality.fused_leaky_relu(x, scale=None), "fused_leaky_relu: `scale` must be a number"),
    ],
)
def test_compiled_calls_are_told_the_same(call: Made, words: str) -> None:
    torch.compiler.reset()
    with pytest.raises(Exception, match=words):
        torch.compile(call, fullgraph=True, backend="eager")(X)
