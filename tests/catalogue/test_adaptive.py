"""Entries that learn shapes: what they contain, where learning starts, gradients of what is learned, bad input."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import leaky
from leaky.catalogue.pade import DENOMINATOR, NUMERATOR
from leaky.errors import ArgumentError, ArgumentTypeError

X = np.linspace(-5, 5, 101)


@pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((0.0, 0.2, 1.0, 1.0), "leaky_relu(0.2)"),
        ((0.0, 0.0, 6.0, 0.0), "relu6"),
        ((-1.0, 0.0, 1.0, 0.0), "hardtanh"),
        ((-1.0, 0.0, 9.0, 1.0), "shifted_relu"),
    ],
)
def test_s_shaped_relu_contains_others(shape: tuple[float, ...], other: str) -> None:
    spec = leaky.parse(other)
    for what in ("value", "derivative"):
        got = getattr(leaky.catalogue["s_shaped_relu"], what)(X, *shape)
        np.testing.assert_allclose(got, getattr(spec.activation, what)(X, **spec.parameters), atol=1e-15)


def test_s_shaped_relu_at_the_ends_with_flat_lines() -> None:
    ends = np.array([-math.inf, math.inf])
    assert leaky.s_shaped_relu(ends, -1.0, 0.0, 2.0, 0.0).tolist() == [-1.0, 2.0]
    flat = np.zeros(2)
    assert leaky.s_shaped_relu(ends, flat - 1, flat, flat + 2, flat).tolist() == [-1.0, 2.0]


def test_adaptive_piecewise_linear_contains_leaky_relu() -> None:
    np.testing.assert_allclose(
        leaky.adaptive_piecewise_linear(X, (-0.1,), (0.0,)), leaky.leaky_relu(X, 0.1), atol=1e-15
    )
    np.testing.assert_array_equal(leaky.adaptive_piecewise_linear(X), leaky.relu(X))


def test_hinges_of_both_signs_at_minus_infinity() -> None:
    low = np.array([-math.inf])
    assert leaky.adaptive_piecewise_linear(low, (0.5, -0.5), (-1.0, -2.0)).tolist() == [0.5]
    assert leaky.adaptive_piecewise_linear(low, (0.5, -0.6), (-1.0, -2.0)).tolist() == [-math.inf]
    arrays = np.array([[0.5, 0.5], [-0.5, -0.6]]), np.array([[-1.0, -1.0], [-2.0, -2.0]])
    assert leaky.adaptive_piecewise_linear(np.array([[-math.inf] * 2]), *arrays).tolist() == [
        [0.5, -math.inf]
    ]


def test_pade_starts_at_a_leaky_relu_as_near_as_can_be() -> None:
    x = np.linspace(-3, 3, 600_001)
    off = leaky.pade(x) - leaky.leaky_relu(x, 0.01)
    assert np.max(np.abs(off)) == pytest.approx(0.0126247, abs=1e-6)
    # the even part, (f(x) + f(-x))/2, alternates six times at its greatest error: no other quotient is nearer
    even = off[300_000:]
    peaks = np.flatnonzero(np.abs(even) > 0.99999 * np.max(np.abs(even)))
    signs = np.sign(even[peaks])
    assert 1 + np.sum(signs[1:] != signs[:-1]) == 6


def test_pade_of_other_degrees_far_out() -> None:
    for numerator, denominator in (
        ((1.0, 2.0, 3.0), (0.5,)),
        ((1.0, -2.0), (0.0, 0.0, 1.0)),
        ((2.0,), (0.0, 1.0)),
        ((0.0, 0.0, 1.0), (0.0, 0.0, 2.0)),
    ):
        for x in (-1e3, -1.5, -1.0, -0.3, 0.4, 1.0, 2.5, 1e3):
            top = sum(c * x**k for k, c in enumerate(numerator))
            low = 1 + abs(sum(c * x**k for k, c in enumerate(denominator, start=1)))
            assert leaky.pade(x, numerator, denominator) == pytest.approx(top / low, rel=1e-13)
            step = 1e-5 * max(1.0, abs(x))
            numeric = (
                leaky.pade(x + step, numerator, denominator) - leaky.pade(x - step, numerator, denominator)
            ) / (2 * step)
            slope = leaky.catalogue["pade"].derivative(x, numerator, denominator)
            assert slope == pytest.approx(numeric, rel=1e-6, abs=1e-9)
    assert leaky.pade(np.array([1e200, -1e200])).tolist() == pytest.approx([0.505e200 / 1, -0.505e200])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("s_shaped_relu", [[-1.0, -0.5], [0.3, 0.1], [1.0, 2.0], [1.5, 0.2]]),
        ("flexible_relu", [[0.1, -0.3]]),
        ("adaptive_piecewise_linear", [[[0.2, -0.1], [0.3, 0.4]], [[0.55, 0.15], [-1.05, -0.35]]]),
        ("pade", [[[c, 1.1 * c] for c in NUMERATOR], [[c + 0.1, c + 0.2] for c in DENOMINATOR]]),
    ],
)
def test_torch_learns_all_of_them_per_channel(name: str, parameters: list[Any]) -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([[-2.0, 0.7], [0.4, -1.7], [3.0, 2.6]], dtype=torch.float64, requires_grad=True)
    given = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in parameters]
    assert torch.autograd.gradcheck(getattr(leaky, name), (x, *given))
    apart = [
        getattr(leaky, name)(x[:, c : c + 1], *[p[..., c : c + 1] for p in given]).detach() for c in range(2)
    ]
    np.testing.assert_allclose(
        getattr(leaky, name)(x, *given).detach().numpy(), torch.cat(apart, 1).numpy(), rtol=1e-15
    )


@pytest.mark.parametrize(
    ("name", "given", "error", "message"),
    [
        (
            "s_shaped_relu",
            {"threshold_left": 2.0},
            ArgumentError,
            "`threshold_left` must not be above `threshold_right`, got 2 and 1",
        ),
        (
            "adaptive_piecewise_linear",
            {"slopes": (1.0,)},
            ArgumentError,
            "`offsets` must have as many terms as `slopes`, 1, got 2",
        ),
        (
            "adaptive_piecewise_linear",
            {"slopes": 1.0},
            ArgumentTypeError,
            "`slopes` must be a sequence of finite numbers, got 1.0",
        ),
        (
            "adaptive_piecewise_linear",
            {"slopes": (1.0, math.nan)},
            ArgumentError,
            "`slopes` must be a sequence of finite numbers, got nan",
        ),
        ("pade", {"denominator": ()}, ArgumentError, "`denominator` must have at least one term, got none"),
        (
            "pade",
            {"numerator": np.array(1.0)},
            ArgumentError,
            "`numerator` must have one value per term along its first axis, got a 0-d array",
        ),
        (
            "pade",
            {"numerator": np.zeros((3, 4))},
            ArgumentError,
            "`numerator` of shape (3, 4) must broadcast after its first axis to the shape of `x`, (3,)",
        ),
        ("hardtanh", {"min_val": 1.0}, ArgumentError, "`min_val` must be below `max_val`, got 1 and 1"),
        ("rrelu", {"lower": 0.5}, ArgumentError, "`lower` must not be above `upper`, got 0.5 and 0.333333"),
        (
            "rrelu",
            {"lower": 0.0, "form": "divide"},
            ArgumentError,
            "`lower` must be above 0 where form='divide', got 0",
        ),
        ("rrelu", {"form": "half"}, ArgumentError, "`form` must be 'multiply' or 'divide', got 'half'"),
        ("gelu", {"approximate": None}, ArgumentError, "`approximate` must be 'none' or 'tanh', got None"),
        ("hardshrink", {"lambd": 0}, ArgumentError, "`lambd` must be finite and above 0, got 0"),
        (
            "thresholded_relu",
            {"threshold": -1},
            ArgumentError,
            "`threshold` must be finite and at least 0, got -1",
        ),
    ],
)
def test_bad_parameters(name: str, given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'{name}: {message}')}"):
        getattr(leaky, name)(np.ones(3), **given)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("gelu", "gelu(approximate='none')"),
        ("gelu('tanh')", "gelu(approximate='tanh')"),
        ('gelu(approximate="tanh")', "gelu(approximate='tanh')"),
        ("maxout(3, dim=-1)", "maxout(num_pieces=3, dim=-1)"),
        ("rrelu(form='divide')", "rrelu(lower=0.125, upper=0.3333333333333333, form='divide')"),
        ("pade", "pade"),
        ("leaky_relu", "leaky_relu(negative_slope=0.01)"),
    ],
)
def test_specs_of_text_and_counts(text: str, canonical: str) -> None:
    spec = leaky.parse(text)
    assert str(spec) == canonical
    assert leaky.parse(canonical) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gelu(1)", "gelu: `approximate` must be 'none' or 'tanh', got 1.0"),
        ("maxout(2.5)", "maxout: `num_pieces` must be an integer, got 2.5"),
        ("pade(numerator=1)", "pade: `numerator` is an array, which has no place in `pade(numerator=1)`"),
        (
            "SReLU",
            "unknown activation `SReLU`: the acronym means several, write one of `squared_relu` (squared), "
            "`shifted_relu` (shifted), `s_shaped_relu` (S-shaped)",
        ),
        (
            "d_relu(0.1)",
            "unknown activation `d_relu`: the acronym means several, write one of `displaced_relu` (displaced), "
            "`dynamic_relu` (dynamic); not here: dual: max(x, 0) - max(y, 0) of two inputs",
        ),
        (
            "frelu",
            "unknown activation `frelu`: the acronym means several, write one of `flexible_relu` (flexible)",
        ),
        (
            "NReLU",
            "unknown activation `NReLU`: the acronym means several, write one of `noisy_relu` (noisy); not",
        ),
        (
            "BReLU",
            "unknown activation `BReLU`: the acronym means several, write one of `clipped_relu` (bounded), ",
        ),
        ("PAU", "unknown activation `PAU`: did you mean `pade`?"),
    ],
)
def test_specs_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}"):
        leaky.parse(text)
