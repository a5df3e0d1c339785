"""Programs on the native kernels: the formula's bits where it has no curves, the stated bounds where it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import leaky
from leaky.kernels import native, native_arrays
from leaky.kernels.dense import Dense
from leaky.kernels.program import program_of

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

Array = np.ndarray[Any, Any]
ENTRIES = {name: entry for name, entry in leaky.catalogue.items() if entry.elementwise}
SETTINGS: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in ENTRIES]
SETTINGS += [("silu", {"beta": -1.5}), ("gelu", {"approximate": "tanh"}), ("softplus", {"beta": 2.0})]
SETTINGS += [("hardsigmoid", {"slope": 0.2}), ("s_shaped_relu", {"slope_left": 0.5, "slope_right": 0.1})]
SPECIAL = [
    np.nan,
    -0.0,
    0.0,
    np.inf,
    -np.inf,
    6,
    -3,
    3,
    -1,
    1,
    1e-45,
    -1e-45,
    -40,
    -41,
    -2e4,
    -3e4,
    -104,
    88,
    89,
]


def _numbers(dtype: str, size: int) -> Array:
    generator = np.random.default_rng(size)
    x = generator.normal(size=size) * generator.choice([1e-3, 0.3, 3, 30], size=size)
    x[: len(SPECIAL)] = SPECIAL[:size]
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def _curved(name: str, parameters: dict[str, Any], dtype: str) -> bool:
    program = program_of(ENTRIES[name], np.dtype(dtype), tuple(ENTRIES[name].bind(**parameters).values()))
    assert program is not None
    return program.curved


def _near(y: Array, formula: Array, x: Array, entry: Any, parameters: dict[str, Any]) -> None:
    """Within the entry's bound of the truth; where parameters scale the exponent, no further off than the formula."""
    given = {k: float(np.float32(v)) if isinstance(v, float) else v for k, v in parameters.items()}
    truth = entry.value(x.astype(np.float64), **given)
    finite = np.isfinite(truth) & (np.abs(truth) < float(np.finfo(x.dtype).max))
    assert np.array_equal(y[np.isinf(truth)], truth[np.isinf(truth)])
    y, formula, truth = (values[finite].astype(np.float64) for values in (y, formula, truth))
    unit = np.spacing(np.abs(truth).astype(x.dtype)).astype(np.float64)
    least = entry.ulps + 0.5  # the bound is to the truth once rounded
    bound = least if not parameters else max(least, 1.5 * np.max(np.abs(formula - truth) / unit, initial=0))
    assert np.all(np.abs(y - truth) <= bound * unit)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("name", "parameters"), SETTINGS)
def test_as_the_formula(name: str, parameters: dict[str, Any], dtype: str) -> None:
    function, entry = getattr(leaky, name), ENTRIES[name]
    for size in (1, 31, 33, 1000, 70_001):
        x = _numbers(dtype, size)
        y, formula = function(x, **parameters), entry.value(x, **parameters)
        assert y.dtype == formula.dtype
        assert np.array_equal(np.isnan(y), np.isnan(formula))
        known = ~np.isnan(formula)
        assert np.array_equal(np.signbit(y[known]), np.signbit(formula[known]))
        if dtype == "float64" or not _curved(name, parameters, dtype):
            assert np.array_equal(y, formula, equal_nan=True)
        else:
            _near(y[known], formula[known], x[known], entry, parameters)
        assert function(x, **parameters, out=x) is x
        assert np.array_equal(x, y, equal_nan=True)


@pytest.mark.parametrize("name", ["relu6", "elu", "sigmoid", "silu", "gelu", "mish"])
def test_any_place_length_and_thread_gives_the_same_bits(name: str) -> None:
    x = _numbers("float32", 20_000)
    whole = getattr(leaky, name)(x)
    for part in (slice(0, 1), slice(3, 40), slice(5, 19_999), slice(0, 20_000, 3), slice(None, None, -1)):
        assert getattr(leaky, name)(x[part]).tobytes() == whole[part].tobytes()
    assert getattr(leaky, name)(x[7]) == whole[7]
    big = np.tile(x, 300)
    assert np.array_equal(getattr(leaky, name)(big), np.tile(whole, 300), equal_nan=True)


def test_streams_past_the_caches_from_any_address() -> None:
    x = np.random.default_rng(0).normal(size=(12 << 20) + 3).astype(np.float32)
    for start in range(3):
        out = np.full_like(x, np.nan)[start:]
        leaky.relu6(x[start:], out=out)
        assert np.array_equal(out, np.clip(x[start:], 0, 6))


KNOWN: list[tuple[str, dict[str, Any]]] = [
    *(
        (name, {})
        for name in ("relu", "leaky_relu", "very_leaky_relu", "prelu", "relu6", "clipped_relu", "hardtanh")
    ),
    *(
        (name, {})
        for name in ("hardshrink", "thresholded_relu", "squared_relu", "shifted_relu", "displaced_relu")
    ),
    *((name, {}) for name in ("s_shaped_relu", "hardsigmoid", "hardswish", "elu", "selu", "celu", "sigmoid")),
    *((name, {}) for name in ("silu", "gelu")),
]
KNOWN += [("elu", {"alpha": 0.5}), ("celu", {"alpha": 0.5}), ("flexible_relu", {"bias": 0.5})]


@pytest.mark.parametrize(("name", "parameters"), KNOWN)
def test_the_kernels_know_it_as_a_whole(name: str, parameters: dict[str, Any]) -> None:
    values = tuple(ENTRIES[name].bind(**parameters).values())
    for dtype in ("float32", "float16"):
        program = Dense(ENTRIES[name]).choose(np.dtype(dtype), values).program
        assert program.known, f"native/shapes.hpp has another formula of {name}"


def test_what_does_not_fit_is_left_alone() -> None:
    program = native_arrays.program([("less", 0, (-1, -2, -2, -1))], [0.0], 0)
    x = np.arange(-50.0, 50, dtype="f4").reshape(10, 10)
    for out in (
        np.zeros((10, 10)),
        np.zeros(100, "f4"),
        np.zeros((10, 10), "f4", order="F"),
        np.zeros((20, 10), "f4")[::2],
        np.broadcast_to(np.float32(0), (10, 10)),
        [0.0] * 100,
    ):
        assert not program.run(x, out, 2)
        assert not np.any(out)
    memory = np.arange(-50.0, 51, dtype="f4")
    assert not program.run(memory[:100], memory[1:], 2)
    assert memory[0] == -50
    assert not program.run(x.astype("i4"), x.astype("i4"), 2)
    assert not program.run(x.T[::2], x.T[::2], 2)
    assert program.run(x.T, x.T, 2)
    assert x.min() == 0
    assert x.max() == 49


def test_steps_that_do_not_hold_together_are_refused() -> None:
    for steps, constants, result, words in (
        ([("add", 0, (1, -1))], [], 0, "operand"),
        ([("add", 99, (-1, -1))], [], 0, "registers"),
        ([("add", 0, (-1, -2))], [], 0, "operand"),
        ([], [], 3, "operand"),
        ([], [0.0] * 65, -1, "constants"),
    ):
        with pytest.raises(ValueError, match=words):
            native_arrays.program(steps, constants, result)


def test_what_serves_is_told() -> None:
    x = np.ones(3, "f4")
    assert str(leaky.kernels.explain("elu", x)) == f"native: {native.level()} kernels, one pass over memory"
    assert leaky.kernels.explain("elu", x.astype("f8")).kernel == "formula"
    assert leaky.kernels.explain("relu6", x.astype("f8")).kernel == "native"
    assert leaky.kernels.explain("elu", np.ones(9000)).reason.endswith("curves of float32 and float16")


def test_programs_are_kept_and_not_for_ever() -> None:
    dense, dtype = Dense(leaky.catalogue["leaky_relu"]), np.dtype("f4")
    assert dense.choose(dtype, (0.3,)) is dense.choose(dtype, (), {"negative_slope": 0.3})
    for slope in range(1000):
        dense.choose(dtype, (slope / 1000,))
    assert len(dense._choices) < 200
