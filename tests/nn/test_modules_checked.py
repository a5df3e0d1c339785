"""Twins of torch.nn's classes refuse what their entry refuses, in its words, and are torch's in all else."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import leaky  # noqa: E402
from leaky import nn as lnn  # noqa: E402
from leaky.errors import ArgumentError, ArgumentTypeError  # noqa: E402
from leaky.nn.modules import CLASSES  # noqa: E402

TWINS = [name for name in CLASSES if hasattr(torch.nn, name)]
ADDED = {"RReLU": "form", "Hardsigmoid": "slope, offset", "SiLU": "beta"}
"""Arguments, by name alone, that torch has not."""
BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: lnn.LeakyReLU(math.nan),
        ArgumentError,
        "leaky_relu: `negative_slope` must be finite, got nan",
    ),
    (
        lambda: lnn.LeakyReLU("x"),
        ArgumentTypeError,
        "leaky_relu: `negative_slope` must be a number, got 'x'",
    ),
    (
        lambda: lnn.LeakyReLU(None),
        ArgumentTypeError,
        "leaky_relu: `negative_slope` must be a number, got None",
    ),
    (
        lambda: lnn.LeakyReLU(True),
        ArgumentTypeError,
        "leaky_relu: `negative_slope` must be a number, got True; write inplace=True if that was meant",
    ),
    (
        lambda: lnn.LeakyReLU(torch.tensor(0.5, requires_grad=True)),
        ArgumentTypeError,
        "leaky_relu: `negative_slope` must be a number, got tensor(0.5000, requires_grad=True)",
    ),
    (lambda: lnn.ELU(math.nan), ArgumentError, "elu: `alpha` must be finite and above 0, got nan"),
    (lambda: lnn.ELU(alpha=-1.0), ArgumentError, "elu: `alpha` must be finite and above 0, got -1"),
    (lambda: lnn.CELU("x"), ArgumentTypeError, "celu: `alpha` must be a number, got 'x'"),
    (lambda: lnn.Softplus("x"), ArgumentTypeError, "softplus: `beta` must be a number, got 'x'"),
    (
        lambda: lnn.Softplus(1.0, -1.0),
        ArgumentError,
        "softplus: `threshold` must be finite and at least 0, got -1",
    ),
    (
        lambda: lnn.Hardshrink(math.nan),
        ArgumentError,
        "hardshrink: `lambd` must be finite and above 0, got nan",
    ),
    (lambda: lnn.Hardtanh(math.nan), ArgumentError, "hardtanh: `min_val` must be finite, got nan"),
    (lambda: lnn.Hardtanh("x"), ArgumentTypeError, "hardtanh: `min_val` must be a number, got 'x'"),
    (
        lambda: lnn.Hardtanh(True),
        ArgumentTypeError,
        "hardtanh: `min_val` must be a number, got True; write inplace=True if that was meant",
    ),
    (
        lambda: lnn.Hardtanh(2.0),
        ArgumentError,
        "hardtanh: `min_val` must be below `max_val`, got 2 and 1",
    ),
    (
        lambda: lnn.Hardtanh(max_value=math.inf),
        ArgumentError,
        "hardtanh: `max_value` must be finite, got inf",
    ),
    (lambda: lnn.PReLU(4, init=math.nan), ArgumentError, "prelu: `init` must be finite, got nan"),
    (lambda: lnn.PReLU(4, "x"), ArgumentTypeError, "prelu: `init` must be a number, got 'x'"),
    (lambda: lnn.PReLU(0), ArgumentError, "prelu: `num_parameters` must be at least 1, got 0"),
    (
        lambda: lnn.PReLU(0.25),
        ArgumentTypeError,
        "prelu: `num_parameters` must be an integer, or a tuple of integers, got 0.25; write init=0.25 if that is "
        "where the slope starts",
    ),
    (
        lambda: lnn.RReLU(0.5, 0.1),
        ArgumentError,
        "rrelu: `lower` must not be above `upper`, got 0.5 and 0.1",
    ),
    (
        lambda: lnn.RReLU(0.1, 0.5, "divide"),
        ArgumentTypeError,
        "rrelu: `inplace` must be True or False, got 'divide'; write form='divide' if that was meant",
    ),
    (
        lambda: lnn.GELU("tan"),
        ArgumentError,
        "gelu: `approximate` must be 'none' or 'tanh', got 'tan'",
    ),
    (
        lambda: lnn.SiLU(1.7),
        ArgumentTypeError,
        "silu: `inplace` must be True or False, got 1.7; write beta=1.7 if that was meant",
    ),
    (
        lambda: lnn.Hardsigmoid(0.2),
        ArgumentTypeError,
        "hardsigmoid: `inplace` must be True or False, got 0.2; write slope=0.2 if that was meant",
    ),
    (lambda: lnn.ReLU6(6), ArgumentTypeError, "relu6: `inplace` must be True or False, got 6"),
    (
        lambda: lnn.LeakyReLU(0.1, 1),
        ArgumentTypeError,
        "leaky_relu: `inplace` must be True or False, got 1",
    ),
]


@pytest.mark.parametrize(("made", "error", "message"), BAD, ids=[message for _, _, message in BAD])
def test_bad_arguments_are_refused_in_one_line(
    made: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        made()


@pytest.mark.parametrize("name", TWINS)
def test_every_parameter_of_every_twin_is_checked(name: str) -> None:
    made = CLASSES[name]
    for parameter in made.entry.parameters:
        argument = next((own for own, ours in made.renamed.items() if ours == parameter.name), parameter.name)
        argument = {"min_value": "min_val", "max_value": "max_val"}.get(argument, argument)
        for bad in (math.nan, "x", None, [0.1], True):
            with pytest.raises((ArgumentError, ArgumentTypeError), match=f"`{argument}` must be "):
                made(**{argument: bad})
    if "inplace" in inspect.signature(made).parameters:
        for bad in (1, 0.5, "yes", None):
            with pytest.raises(ArgumentTypeError, match=f"`inplace` must be True or False, got {bad!r}"):
                made(inplace=bad)
        assert made(inplace=np.True_).inplace is True


@pytest.mark.parametrize("name", TWINS)
def test_the_signature_is_torchs_and_what_is_added_has_a_name(name: str) -> None:
    ours, torchs = (inspect.signature(getattr(home, name)).parameters.values() for home in (lnn, torch.nn))
    more = [parameter for parameter in ours if parameter.name in ADDED.get(name, "").split(", ")]
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in more)
    rest = [(p.name, p.kind, p.default) for p in ours if p not in more]
    assert rest == [(p.name, p.kind, p.default) for p in torchs]


def test_what_torch_takes_for_a_number_goes_on_as_it_was_or_as_a_float() -> None:
    for given in (
        1,
        0.5,
        -0.0,
        np.float64(0.1),
        np.float32(0.1),
        np.array(0.1),
        Fraction(1, 3),
        torch.tensor(0.1),
    ):
        module, twin = lnn.LeakyReLU(given), torch.nn.LeakyReLU(float(given))
        assert repr(module) == repr(
            torch.nn.LeakyReLU(given if isinstance(given, int | float) else float(given))
        )
        x = torch.tensor([-2.0, 3.0])
        assert torch.equal(module(x), twin(x))
    assert lnn.PReLU(3, torch.tensor(0.5)).weight.tolist() == [0.5] * 3
    with pytest.warns(FutureWarning, match="min_value"):
        assert lnn.Hardtanh(min_value=-2).min_val == -2


def test_unknown_arguments_are_told_in_pythons_words() -> None:
    for given in ({"slope": 0.1}, {"negative_slope": 0.1, "what": 1}):
        with pytest.raises(TypeError, match=r"LeakyReLU.__init__\(\) got an unexpected keyword argument"):
            lnn.LeakyReLU(**given)


class _Mine(lnn.LeakyReLU):  # type: ignore[misc, unused-ignore]
    """A user's own, whose constructor is another."""

    def __init__(self, percent: float) -> None:
        super().__init__(percent / 100)


def test_subclasses_have_their_own_constructor_and_the_check() -> None:
    assert list(inspect.signature(_Mine).parameters) == ["percent"]
    module = _Mine(20.0)
    for other in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert type(other) is _Mine
        assert other.negative_slope == 0.2
    with pytest.raises(leaky.LeakyError, match="`negative_slope` must be finite, got inf"):
        _Mine(math.inf)


@pytest.mark.parametrize("name", ["GELU", "Hardswish", "Mish", "Tanh"])
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::FutureWarning")
def test_what_has_torchs_forward_is_scripted(name: str) -> None:
    x = torch.linspace(-4, 8, 13)
    assert torch.equal(torch.jit.script(getattr(lnn, name)())(x), getattr(torch.nn, name)()(x))
