"""NumPy in blocks: the formula's bits, on any number of threads, whatever the length."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest

import leaky
from leaky.kernels import blocked
from leaky.kernels.dense import Dense
from leaky.kernels.program import Program, program_of

Array = np.ndarray[Any, Any]
NAMES = [name for name, entry in leaky.catalogue.items() if entry.elementwise]
SETTINGS: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in NAMES]
SETTINGS += [("leaky_relu", {"negative_slope": slope}) for slope in (0.0, -0.2, 1.0, 3.0, 1e-50, 1e300)]
SETTINGS += [
    ("displaced_relu", {"delta": 0.0}),
    ("clipped_relu", {"ceiling": 1e-3}),
    ("silu", {"beta": -1.5}),
]
SETTINGS += [("gelu", {"approximate": "tanh"}), ("hardtanh", {"min_val": -2.0, "max_val": 0.0})]


def _numbers(dtype: str, size: int) -> Array:
    x = 3 * np.random.default_rng(size).normal(size=size)
    info = np.finfo(dtype)
    special = [
        np.nan,
        -0.0,
        0.0,
        np.inf,
        -np.inf,
        info.max,
        info.min,
        info.smallest_subnormal,
        6,
        -3,
        3,
        -1,
        1,
    ]
    x[: len(special)] = special[:size]
    return x.astype(dtype)


def _program(name: str, dtype: str, parameters: dict[str, Any]) -> Program:
    entry = leaky.catalogue[name]
    program = program_of(entry, np.dtype(dtype), tuple(entry.bind(**parameters).values()))
    assert program is not None
    return blocked.for_numpy(program)


def _same(one: Array, other: Array) -> bool:
    signs = (np.signbit(one) == np.signbit(other)) | np.isnan(one)
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True) and bool(np.all(signs))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("name", "parameters"), SETTINGS)
def test_the_formulas_bits(name: str, parameters: dict[str, Any], dtype: str) -> None:
    program = _program(name, dtype, parameters)
    for size in (1, 17, 1023, blocked.BLOCK + 3):
        x = _numbers(dtype, size)
        kept, wanted, out = x.tobytes(), leaky.catalogue[name].value(x, **parameters), np.full_like(x, 7)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            blocked.run(program, x, out)
        assert _same(out, wanted)
        assert x.tobytes() == kept
        blocked.run(program, x, x)
        assert _same(x, wanted)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_share_the_blocks_and_change_nothing(threads: int) -> None:
    x = _numbers("float32", 9 * blocked.BLOCK + 11)
    for name in ("leaky_relu", "mish"):
        out = np.full_like(x, np.nan)
        blocked.run(_program(name, "float32", {}), x, out, threads)
        assert _same(out, leaky.catalogue[name].value(x))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_a_child_of_fork_starts_its_own_threads() -> None:
    x, program = np.ones(9 * blocked.BLOCK, "f4"), _program("elu", "float32", {})
    out = np.empty_like(x)
    blocked.run(program, x, out, 2)
    child = os.fork()
    if not child:
        try:
            blocked.run(program, x, out, 2)
        finally:
            os._exit(0 if (out == 1).all() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_plain_kernels_serve_blocks_and_short_arrays_take_the_formula(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEAKY_KERNELS", "plain")
    x = _numbers("float32", 50_000)
    assert Dense(leaky.catalogue["elu"]).choose(x.dtype).kernel == "blocked"
    assert (
        str(leaky.kernels.explain("elu", x))
        == "blocked: NumPy in blocks that stay in cache; LEAKY_KERNELS=plain"
    )
    assert str(leaky.kernels.explain("elu", x[:5])).startswith("formula: 5 elements are fewer than 4096; ")
    assert leaky.kernels.explain("leaky_relu", x, negative_slope=0.3).kernel == "blocked"


def test_what_only_the_formula_serves_says_why() -> None:
    x = np.ones((4, 4), "f4")
    reasons = {
        "crelu": leaky.kernels.explain("crelu", x),
        "prelu": leaky.kernels.explain("prelu", x, negative_slope=np.ones((4, 1))),
        "relu": leaky.kernels.explain("relu", x.view(np.recarray)),
        "elu": leaky.kernels.explain("elu", x.astype(np.longdouble)),
    }
    assert {name: str(choice) for name, choice in reasons.items()} == {
        "crelu": "formula: it does not work element by element with numbers as parameters",
        "prelu": "formula: a parameter is an array",
        "relu": "formula: recarray is a subclass of NumPy's array",
        "elu": f"formula: dtype {np.dtype(np.longdouble)} has no kernel",
    }
    with pytest.raises(leaky.errors.ArgumentError, match="negative_slope"):
        leaky.kernels.explain("leaky_relu", x, negative_slope=float("nan"))
