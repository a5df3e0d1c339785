"""What the functions are given by mistake is told in one line: the argument, the value, what to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from twins import normal

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError, LeakyError
from leaky.nn.compat import rosinality

F = leaky.nn.functional
x, bias = torch.ones(2, 8), torch.zeros(8)
UNARY = ("relu", "leaky_relu", "relu6", "hardtanh", "elu", "celu", "selu", "softplus", "rrelu")
WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "activation by place": (
        lambda: F.bias_act(x, bias, "relu"),  # type: ignore[call-arg]
        "bias_act: `activation` must be named, got 'relu'; write activation='relu'",
    ),
    "activation of a module by place": (
        lambda: leaky.nn.BiasAct(8, "relu"),  # type: ignore[call-arg]
        "BiasAct: `activation` must be named, got 'relu'; write activation='relu'",
    ),
    "dim of a module": (
        lambda: leaky.nn.BiasAct(8, dim="a"),  # type: ignore[arg-type]
        "BiasAct: `dim` must be an integer, got 'a'; 1 is that of channels in (N, C, ...)",
    ),
    "dim": (
        lambda: F.bias_act(x, bias, dim=1.0),  # type: ignore[arg-type]
        "bias_act: `dim` must be an integer, got 1.0; 1 is that of channels in (N, C, ...)",
    ),
    "alpha": (lambda: F.elu(x, alpha="a"), "elu: `alpha` must be a number, got 'a'"),  # type: ignore[arg-type]
    "alpha of celu": (lambda: F.celu(x, None), "celu: `alpha` must be a number, got None"),  # type: ignore[arg-type]
    "slope": (
        lambda: F.leaky_relu(x, True),
        "leaky_relu: `negative_slope` must be a number, got True; write inplace=True if that was meant",
    ),
    "inplace": (
        lambda: F.leaky_relu(x, 0.1, "no"),  # type: ignore[arg-type]
        "leaky_relu: `inplace` must be True or False, got 'no'",
    ),
    "end": (lambda: F.hardtanh(x, "a"), "hardtanh: `min_val` must be a number, got 'a'"),  # type: ignore[arg-type]
    "training": (
        lambda: F.rrelu(x, training="yes"),  # type: ignore[arg-type]
        "rrelu: `training` must be True or False, got 'yes'",
    ),
    "p": (lambda: F.dropout(x, "a"), "dropout: `p` must be a number, got 'a'"),  # type: ignore[arg-type]
    "training of dropout": (
        lambda: F.dropout(x, 0.1, None),  # type: ignore[arg-type]
        "dropout: `training` must be True or False, got None",
    ),
    "what is dropped": (
        lambda: F.dropout([1.0]),  # type: ignore[arg-type]
        "dropout: `input` must be a torch.Tensor, got [1.0]; write torch.as_tensor(...)",
    ),
    "beta": (
        lambda: F.softplus(x, beta=0),
        "softplus: `beta` must not be 0, got 0; as it grows, softplus becomes relu",
    ),
    "threshold": (
        lambda: F.softplus(x, threshold="a"),  # type: ignore[arg-type]
        "softplus: `threshold` must be a number, got 'a'",
    ),
    "weight": (
        lambda: F.prelu(x, 0.2),  # type: ignore[arg-type]
        "prelu: `weight` must be a torch.Tensor, got 0.2; leaky_relu takes a number",
    ),
    "a module for a spec": (
        lambda: F.bias_act(x, bias, activation=torch.nn.ReLU()),  # type: ignore[arg-type]
        "bias_act: `activation` must be a spec such as 'relu', got ReLU(); "
        "leaky.from_module(it) is the spec of a module",
    ),
    "an entry for a spec": (
        lambda: leaky.nn.BatchNormAct2d(8, activation=leaky.catalogue.lookup("relu")),  # type: ignore[call-arg]
        "activation: a spec such as 'leaky_relu(negative_slope=0.1)' is text, got the entry relu; write 'relu'",
    ),
    "a function for a spec": (
        lambda: leaky.nn.activation(len),  # type: ignore[arg-type]
        "activation: a spec such as 'leaky_relu(negative_slope=0.1)' is text, got <built-in function len>; "
        "`leaky list` prints the names",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_in_one_line(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(LeakyError) as raised:
        call()
    assert str(raised.value) == message


@pytest.mark.parametrize("given", ["x", np.ones(3), None, 2.0], ids=repr)
@pytest.mark.parametrize("name", [*UNARY, "prelu"])
def test_an_input_that_is_no_tensor(name: str, given: Any) -> None:
    more = (bias,) if name == "prelu" else ()
    message = f"{name}: `input` must be a torch.Tensor, got {given!r}; other arrays are for leaky.{name}"
    with pytest.raises(ArgumentTypeError, match=re.escape(message)):
        getattr(F, name)(given, *more)
    assert callable(getattr(leaky, name))


@pytest.mark.parametrize("kind", [int, np.float32, np.float64, torch.tensor], ids=lambda k: k.__name__)
def test_numbers_of_every_kind_are_taken(kind: Any) -> None:
    values = normal(3, 5)
    for function in (F.leaky_relu, F.elu, F.celu, F.softplus):
        assert torch.equal(function(values, kind(2)), function(values, 2.0))
    assert torch.equal(F.hardtanh(values, kind(-2), kind(2)), F.hardtanh(values, -2.0, 2.0))


def test_beta_of_0_is_refused_under_its_own_error() -> None:
    with pytest.raises(ArgumentError):
        F.softplus(x.requires_grad_(False), 0.0)


number = np.float64(0.25)
CAPTURING: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "leaky_relu": lambda t: F.leaky_relu(t, number),
    "bias_act": lambda t: F.bias_act(t, activation="relu", gain=number),
    "fused_leaky_relu": lambda t: rosinality.fused_leaky_relu(t, None, number),
}


@pytest.mark.parametrize("name", CAPTURING)
def test_a_number_of_numpys_inside_of_one_graph(name: str) -> None:
    """To the compiler it is a tensor, whose value it does not know."""
    torch.compiler.reset()
    compiled = torch.compile(CAPTURING[name], backend="eager", fullgraph=True)
    with pytest.raises(
        Exception, match=r"is a tensor to the compiler.*write float\(\.\.\.\) where it is made"
    ):
        compiled(normal(4, 64).requires_grad_())


@pytest.mark.parametrize(
    "function",
    [CAPTURING["leaky_relu"], lambda t: F.bias_act(t, gain=number)],
    ids=["leaky_relu", "bias_act"],
)
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
def test_a_number_of_numpys_breaks_a_graph(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    values = normal(4, 64).requires_grad_()
    torch.compiler.reset()
    assert torch.equal(torch.compile(function, backend="eager")(values), function(values))


def test_a_module_made_with_a_number_of_numpys_compiles_as_one_graph() -> None:
    layer, values = leaky.nn.LeakyReLU(number), normal(4, 64).requires_grad_()
    assert type(layer.negative_slope) is float
    torch.compiler.reset()
    assert torch.equal(torch.compile(layer, backend="eager", fullgraph=True)(values), layer(values))
