"""The catalogue's name for a torch module."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import leaky
import leaky.nn
from leaky.catalogue import MODULES
from leaky.errors import ArgumentError, ArgumentTypeError


@pytest.mark.parametrize(
    ("module", "spec"),
    [
        (nn.ReLU(), "relu"),
        (nn.LeakyReLU(0.2), "leaky_relu(negative_slope=0.2)"),
        (leaky.nn.LeakyReLU(0.2), "leaky_relu(negative_slope=0.2)"),
        (nn.PReLU(8, init=0.1), "prelu(negative_slope=0.10000000149011612)"),
        (nn.RReLU(0.1, 0.3), "rrelu(lower=0.1, upper=0.3, form='multiply')"),
        (nn.ReLU6(), "relu6"),
        (nn.Hardtanh(-2, 3), "hardtanh(min_val=-2.0, max_val=3.0)"),
        (nn.GELU(), "gelu(approximate='none')"),
        (nn.GELU("tanh"), "gelu(approximate='tanh')"),
        (nn.Softplus(2, 10), "softplus(beta=2.0, threshold=10.0)"),
        (nn.Hardsigmoid(), "hardsigmoid(slope=0.16666666666666666, offset=0.5)"),
        (nn.Hardshrink(0.3), "hardshrink(lambd=0.3)"),
        (nn.Threshold(1, 0), "thresholded_relu(threshold=1.0)"),
        (nn.SiLU(), "silu(beta=1.0)"),
        (leaky.nn.VeryLeakyReLU(), "very_leaky_relu"),
    ],
)
def test_a_module_has_a_name(module: nn.Module, spec: str) -> None:
    found = leaky.from_module(module)
    assert str(found) == spec
    assert leaky.parse(str(found)) == found


@pytest.mark.parametrize("name", [name for name, entry in MODULES.items() if entry.value_formula is not None])
def test_every_module_of_leaky_has_the_name_of_its_entry(name: str) -> None:
    found = leaky.from_module(getattr(leaky.nn, name)())
    assert found.activation is MODULES[name]


def test_what_is_found_computes_what_the_module_does() -> None:
    x = torch.linspace(-4, 4, 33)
    for module in (
        nn.ELU(2.0),
        nn.CELU(0.5),
        nn.Mish(),
        nn.Threshold(1, 0),
        nn.RReLU().eval(),
        nn.GELU("tanh"),
    ):
        found = leaky.from_module(module)
        assert torch.allclose(found.activation.value(x, *found.values), module(x), atol=1e-6)


def test_a_subclass_counts_as_its_class() -> None:
    class Mine(nn.LeakyReLU):
        pass

    assert str(leaky.from_module(Mine(0.2))) == "leaky_relu(negative_slope=0.2)"


def test_it_translates() -> None:
    assert str(leaky.translate(leaky.from_module(nn.LeakyReLU(0.2)), to="keras")) == (
        "keras.layers.LeakyReLU(negative_slope=0.2)"
    )


def test_learned_slopes_that_differ_are_refused_or_averaged() -> None:
    module = nn.PReLU(3)
    module.weight.data = torch.tensor([0.0, 0.25, 0.5])
    with pytest.raises(ArgumentError) as caught:
        leaky.from_module(module)
    assert str(caught.value) == (
        "from_module: `negative_slope` of PReLU has 3 values from 0 to 0.5, a spec has one; "
        "mean=True takes their mean"
    )
    assert leaky.from_module(module, mean=True).parameters == {"negative_slope": 0.25}


class Doubling(nn.ReLU):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(input)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            nn.Linear(2, 2),
            "from_module: `module` must be an activation of the catalogue, got Linear; these are ",
        ),
        (Doubling(), "from_module: cannot tell what Doubling computes, Doubling has a forward of its own; "),
        (
            nn.Threshold(1, 2),
            "from_module: Threshold is an activation of the catalogue with value=0, got value=2",
        ),
        (nn.Softplus(-1.0), "softplus: `beta` must be finite and above 0, got -1"),
    ],
)
def test_what_has_no_name_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        leaky.from_module(module)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(
        ArgumentTypeError, match=r"^from_module: `module` must be a torch.nn.Module, got 'relu'$"
    ):
        leaky.from_module("relu")  # type: ignore[arg-type]


def test_what_is_named_in_the_refusal_can_be_made() -> None:
    with pytest.raises(ArgumentError) as caught:
        leaky.from_module(nn.Linear(2, 2))
    named = str(caught.value).rpartition("these are ")[2].split(", ")
    assert "LeakyReLU" in named
    assert "SquaredReLU" in named
    assert [name for name in named if not hasattr(nn, name) and not hasattr(leaky.nn, name)] == []
