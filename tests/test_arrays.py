"""Functions on arrays: `out`, the docstring made from the record, and a new entry at once."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import numpy as np
import pytest

import leaky
from leaky import arrays
from leaky.errors import ArgumentError, ArgumentTypeError

NAMES = [name for name, entry in leaky.catalogue.items() if entry.elementwise]


@pytest.mark.parametrize("name", NAMES)
def test_out_is_written_and_returned(name: str) -> None:
    function = getattr(leaky, name)
    x = np.array([[-2.0, -0.0, 3.0], [math.nan, math.inf, -math.inf]], dtype=np.float32)
    wanted = function(x)
    for out in (np.empty_like(x), np.empty_like(x, order="F"), np.empty((4, 6), dtype=np.float32)[::2, ::2]):
        assert function(x, out=out) is out
        np.testing.assert_array_equal(out, wanted)
    assert function(x, out=x) is x
    np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_out_may_overlap_the_input(name: str) -> None:
    function = getattr(leaky, name)
    x = np.linspace(-4, 4, 9)
    wanted = function(x.copy())
    for source, target in (
        (slice(0, 8), slice(1, 9)),
        (slice(1, 9), slice(0, 8)),
        (slice(None, None, -1), slice(9)),
    ):
        memory = x.copy()
        function(memory[source], out=memory[target])
        np.testing.assert_array_equal(memory[target], wanted[source])


def test_out_takes_a_0d_array() -> None:
    out = np.array(7.0)
    assert leaky.leaky_relu(-2.0, 0.5, out=out) is out
    assert out == -1.0


def _read_only() -> Any:
    array = np.zeros(3)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (
            np.zeros(2),
            ArgumentError,
            "relu: `out` must have shape (3,) and dtype float64, got (2,) and float64",
        ),
        (
            np.zeros((1, 3)),
            ArgumentError,
            "relu: `out` must have shape (3,) and dtype float64, got (1, 3) and float64",
        ),
        (
            np.zeros(3, "f4"),
            ArgumentError,
            "relu: `out` must have shape (3,) and dtype float64, got (3,) and float32",
        ),
        (
            np.zeros(3, int),
            ArgumentError,
            "relu: `out` must have shape (3,) and dtype float64, got (3,) and int64",
        ),
        (_read_only(), ArgumentError, "relu: `out` is read-only; give an array that can be written to"),
        (
            [0.0] * 3,
            ArgumentTypeError,
            "relu: `out` is for NumPy arrays, got list for ndarray; leave it out and use what is returned",
        ),
    ],
)
def test_out_that_does_not_fit(out: Any, error: type[Exception], message: str) -> None:
    before = np.array(out)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        leaky.relu(np.ones(3), out=out)
    np.testing.assert_array_equal(out, before)


@pytest.mark.parametrize("x", [None, np.array("text"), np.ones(3, complex)], ids=["none", "text", "complex"])
def test_out_changes_nothing_in_what_is_refused(x: Any) -> None:
    with pytest.raises(ArgumentTypeError) as without:
        leaky.relu(x)
    out = np.zeros(3)
    with pytest.raises(ArgumentTypeError, match=f"^{re.escape(str(without.value))}$"):
        leaky.relu(x, out=out)
    assert not out.any()


def test_out_is_for_numpy() -> None:
    torch = pytest.importorskip("torch")
    for x, out, words in (
        (torch.ones(3), np.zeros(3), "ndarray for Tensor"),
        (np.ones(3), torch.zeros(3), "Tensor for ndarray"),
    ):
        with pytest.raises(
            ArgumentTypeError, match=f"^relu: `out` is for NumPy arrays, got {words}; leave it out"
        ):
            leaky.relu(x, out=out)


@pytest.mark.parametrize("name", NAMES)
def test_functions_say_who_they_are(name: str) -> None:
    function, entry = getattr(leaky, name), leaky.catalogue[name]
    assert function.__name__ == function.__qualname__ == name
    assert function.__module__ == "leaky"
    doc = inspect.getdoc(function)
    assert doc
    for words in (
        entry.title,
        entry.formula,
        entry.slope,
        entry.at_zero,
        *(p.meaning for p in entry.parameters),
    ):
        assert words in doc


def test_a_new_record_is_a_working_function() -> None:
    squared = leaky.catalogue.Activation(
        name="squared_relu",
        title="Squared ReLU",
        family="rectifier",
        formula="x^2 if x > 0 else 0",
        slope="2 * x if x > 0 else 0",
        at_zero="f(0) = f'(0) = 0; f(NaN) = f'(NaN) = NaN",
        value_formula=lambda xp, x: xp.where(x <= 0, xp.zeros_like(x), x) ** 2,
        derivative_formula=lambda xp, x: 2 * xp.where(x <= 0, xp.zeros_like(x), x),
        kinks=(0.0,),
        module="SquaredReLU",
        papers=("So et al. 2021: Primer. NeurIPS",),
    )
    function = arrays.array_function(squared)
    assert function([-1.0, 0.0, 2.0]).tolist() == [0.0, 0.0, 4.0]
    assert function(np.float16(300)) == np.inf  # rounded once, from float32
    assert str(inspect.signature(function)) == "(x, *, out=None)"
    assert "[0.0, 0.0, 4.0]" in (inspect.getdoc(function) or "")
    assert squared.gain() == pytest.approx(1 / math.sqrt(1.5), rel=1e-12)
    assert squared.derivative(np.array([-1.0, 3.0])).tolist() == [0.0, 6.0]
