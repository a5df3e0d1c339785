"""The record: parameters are checked once, in one place, and the errors say what to do."""

from __future__ import annotations

import inspect
import itertools
import math
import pickle
import re
from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError

LEAKY = leaky.catalogue["leaky_relu"]


@pytest.mark.parametrize("given", [0, 1, -2.5, np.float32(0.5), np.int8(3), Fraction(1, 3), np.array(0.25)])
def test_any_real_number_is_a_parameter(given: Any) -> None:
    assert LEAKY.bind(given) == LEAKY.bind(negative_slope=given) == {"negative_slope": float(given)}
    assert type(LEAKY.bind(given)["negative_slope"]) is float


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("leaky_relu", {"negative_slope": math.nan}, "leaky_relu: `negative_slope` must be finite, got nan"),
        (
            "leaky_relu",
            {"negative_slope": -math.inf},
            "leaky_relu: `negative_slope` must be finite, got -inf",
        ),
        ("leaky_relu", {"negative_slope": 10**400}, "leaky_relu: `negative_slope` must be finite, got inf"),
        ("prelu", {"negative_slope": math.inf}, "prelu: `negative_slope` must be finite, got inf"),
        ("elu", {"alpha": 0}, "elu: `alpha` must be finite and above 0, got 0"),
        ("elu", {"alpha": -1.5}, "elu: `alpha` must be finite and above 0, got -1.5"),
        ("softplus", {"beta": -0.0}, "softplus: `beta` must be finite and above 0, got -0"),
        ("softplus", {"beta": math.nan}, "softplus: `beta` must be finite and above 0, got nan"),
        ("leaky_relu", {"alpha": 0.1}, "leaky_relu: unknown parameter `alpha`: it takes `negative_slope`"),
        ("relu", {"negative_slope": 0.1}, "relu: unknown parameter `negative_slope`: it takes none"),
    ],
)
def test_bad_parameters_are_named(name: str, parameters: dict[str, Any], message: str) -> None:
    for function in (getattr(leaky, name), leaky.catalogue[name].derivative):
        with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$") as caught:
            function(1.0, **parameters)
        assert isinstance(caught.value, ValueError)
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        leaky.catalogue[name].gain(**parameters)


@pytest.mark.parametrize(
    "given", ["0.1", None, 1j, True, [0.1], np.array([0.1]), np.array(1j), np.array(True), object]
)
def test_what_is_no_number_is_refused(given: Any) -> None:
    message = f"leaky_relu: `negative_slope` must be a number, got {given!r}"
    if isinstance(given, np.ndarray) and given.ndim == 0:
        message = f"leaky_relu: `negative_slope` must be a number, got {given.item()!r}"
    with pytest.raises(ArgumentTypeError, match=f"^{re.escape(message)}$") as caught:
        leaky.leaky_relu(1.0, given)
    assert isinstance(caught.value, TypeError)


def test_a_number_that_carries_a_gradient_is_refused_not_cut_off() -> None:
    torch = pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    with pytest.raises(
        ArgumentTypeError, match=re.escape("`negative_slope` must be a number, got tensor(0.5000")
    ):
        leaky.leaky_relu(torch.ones(2), torch.tensor(0.5, requires_grad=True))
    with pytest.raises(
        ArgumentTypeError, match=re.escape("leaky_relu: `negative_slope` must be a number, got ")
    ):
        jax.grad(lambda slope: leaky.leaky_relu(jax.numpy.ones(()), slope))(0.5)


def test_too_many_and_given_twice() -> None:
    twice = "leaky_relu: parameter `negative_slope` given twice; give it once"
    with pytest.raises(ArgumentError, match=f"^{re.escape(twice)}$"):
        leaky.leaky_relu(1.0, 0.1, negative_slope=0.1)
    with pytest.raises(ArgumentError, match=r"^leaky_relu: 2 parameters given, but it takes negative_slope$"):
        leaky.leaky_relu(1.0, 0.1, 0.2)
    with pytest.raises(ArgumentError, match=r"^relu: 1 parameters given, but it takes no parameters$"):
        leaky.relu(1.0, 0.1)


@pytest.mark.parametrize("name", list(leaky.catalogue))
def test_signature_says_what_bind_takes(name: str) -> None:
    entry = leaky.catalogue[name]
    parameters = inspect.signature(getattr(leaky, name)).parameters
    assert list(parameters) == ["x", *(p.name for p in entry.parameters), "out"]
    assert {p.name: parameters[p.name].default for p in entry.parameters} == entry.bind()
    assert parameters["out"].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", list(leaky.catalogue))
def test_records_are_complete_frozen_and_travel(name: str) -> None:
    entry = leaky.catalogue[name]
    assert entry.name == name
    assert entry.title
    assert entry.formula
    assert entry.slope
    assert entry.papers
    assert "f(NaN) = f'(NaN) = NaN" in entry.at_zero
    assert pickle.loads(pickle.dumps(entry)) == entry
    with pytest.raises(FrozenInstanceError):
        entry.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "name", [name for name, entry in leaky.catalogue.items() if entry.piecewise_linear and entry.elementwise]
)
def test_piecewise_linear_entries_are_linear_between_their_kinks(name: str) -> None:
    entry = leaky.catalogue[name]
    edges = [-16.0, *entry.kinks, 16.0]
    for low, high in itertools.pairwise(edges):
        slopes = entry.derivative(np.linspace(low, high, 9)[1:-1])
        assert len(set(slopes.tolist())) == 1


@pytest.mark.parametrize(
    ("slope", "message"),
    [
        (np.array([0.1, np.nan]), "prelu: `negative_slope` must be finite, got an array with nan"),
        (np.array([[-np.inf]]), "prelu: `negative_slope` must be finite, got an array with -inf"),
        (np.array(np.nan), "prelu: `negative_slope` must be finite, got nan"),
    ],
)
def test_arrays_of_parameters_are_looked_into(slope: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        leaky.prelu(np.ones((2, 2)), slope)
    assert str(raised.value) == message


def test_a_0d_array_of_numpy_is_a_number() -> None:
    assert leaky.catalogue["prelu"].facts_at(np.array(0.5)) == leaky.catalogue["prelu"].facts_at(0.5)
    with pytest.raises(ArgumentTypeError, match="`negative_slope` must be a number, got True"):
        leaky.prelu(1.0, np.True_)


def test_a_sum_of_no_terms_is_refused() -> None:
    for nothing in ((), [], np.zeros(0)):
        with pytest.raises(ArgumentError, match="pade: `numerator` must have at least one term, got none"):
            leaky.pade(1.0, numerator=nothing)


def test_whatever_is_given_the_message_is_one_line() -> None:
    matrix = np.ones((30, 30))
    for wrong in (
        lambda: leaky.leaky_relu(1.0, matrix),
        lambda: leaky.gelu(1.0, matrix),
        lambda: leaky.maxout(np.ones((4, 4)), matrix),
        lambda: leaky.pade(1.0, {"a": matrix}),
        lambda: leaky.catalogue["relu"].derivative(1.0, kink=matrix),
        lambda: leaky.relu([matrix, matrix[1:]]),
        lambda: leaky.catalogue["re\nlu" * 100],
    ):
        with pytest.raises(leaky.LeakyError) as raised:
            wrong()
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 700
