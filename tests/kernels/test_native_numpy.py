"""leaky.relu, leaky_relu and prelu on NumPy arrays: the native kernels give the formula's bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import leaky
from leaky.errors import ArgumentError
from leaky.kernels import native

pytestmark = pytest.mark.skipif(not native.available(), reason=f"no native kernels: {native.why_not()}")

CALLS: list[tuple[str, tuple[float, ...]]] = [("relu", ()), ("prelu", ())]
CALLS += [("leaky_relu", (slope,)) for slope in (0.01, 0.0, -0.0, -0.2, 1.0, 3.0, 1e-50, 1e6, 1e300)]
CALLS += [("prelu", (0.1,))]


def _numbers(dtype: str, size: int) -> np.ndarray[Any, Any]:
    x = np.random.default_rng(size).normal(size=size).astype(dtype)
    tiny = np.finfo(dtype).smallest_subnormal
    special = np.array(
        [np.nan, -0.0, 0.0, np.inf, -np.inf, tiny, -tiny, np.finfo(dtype).max, np.finfo(dtype).min]
    )
    x[: len(special)] = special[:size].astype(dtype)
    return x


def _same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    signs = np.signbit(one) == np.signbit(other)
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True) and bool(np.all(signs))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("name", "parameters"), CALLS)
def test_the_formulas_bits(name: str, parameters: tuple[float, ...], dtype: str) -> None:
    function, entry = getattr(leaky, name), leaky.catalogue[name]
    for size in (0, 1, 7, 8, 9, 63, 64, 65, 1023, 65_537):
        x = _numbers(dtype, size)
        kept = x.tobytes()
        wanted = entry.value(x, *parameters)
        assert _same(function(x, *parameters), wanted)
        assert x.tobytes() == kept
        out = np.full_like(x, np.nan)
        assert function(x, *parameters, out=out) is out
        assert _same(out, wanted)
        assert function(x, *parameters, out=x) is x
        assert _same(x, wanted)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_any_alignment(dtype: str) -> None:
    x = _numbers(dtype, 5000)
    wanted = leaky.catalogue["leaky_relu"].value(x)
    for shift in (0, 1, 4, 8, 17):
        memory = np.zeros(x.nbytes + 64, dtype=np.uint8)
        view = memory[shift : shift + x.nbytes].view(dtype)
        view[:] = x
        assert _same(leaky.leaky_relu(view), wanted)
        target = np.zeros(x.nbytes + 64, dtype=np.uint8)
        leaky.leaky_relu(view, out=target[shift : shift + x.nbytes].view(dtype))
        assert _same(target[shift : shift + x.nbytes].view(dtype), wanted)
        assert not target[:shift].any()
        assert not target[shift + x.nbytes :].any()


def test_beyond_the_caches_and_unaligned_to_a_line() -> None:
    x = np.random.default_rng(0).normal(size=(12 << 20) + 3).astype(np.float32)
    for start in range(3):
        out = np.full_like(x, np.nan)[start:]
        leaky.leaky_relu(x[start:], out=out)
        assert np.array_equal(out, np.where(x[start:] > 0, x[start:], np.float32(0.01) * x[start:]))


def test_axes_of_one_element_may_have_any_stride() -> None:
    x = np.arange(-6.0, 6, dtype="f4").reshape(12, 1)
    for view in (x[:, ::7], x[::12], x.T[::3], x[:, :0], x[:0]):
        wanted = np.maximum(view, 0)
        assert _same(leaky.relu(view), wanted)
        out = np.full_like(view, np.nan)
        assert leaky.relu(view, out=out) is out
        assert _same(out, wanted)


def test_layouts() -> None:
    x = _numbers("float32", 60_000).reshape(200, 300)
    wanted = leaky.catalogue["leaky_relu"].value(x)
    for view, truth in ((x.T, wanted.T), (np.asfortranarray(x), wanted), (x[::2, 1:], wanted[::2, 1:])):
        y = leaky.leaky_relu(view)
        assert _same(y, truth)
        for out in (np.empty(view.shape, "f4"), np.empty(view.shape, "f4", order="F")):
            assert _same(leaky.leaky_relu(view, out=out), truth)
    fixed = x.copy()
    fixed.flags.writeable = False
    assert _same(leaky.leaky_relu(fixed), wanted)
    with pytest.raises(ArgumentError, match="read-only"):
        leaky.leaky_relu(x, out=fixed)


def test_parts_that_overlap() -> None:
    for source, target in ((slice(0, 9000), slice(1, 9001)), (slice(5, 9005), slice(0, 9000))):
        memory = _numbers("float32", 10_000)
        wanted = leaky.catalogue["leaky_relu"].value(memory[source].copy())
        leaky.leaky_relu(memory[source], out=memory[target])
        assert _same(memory[target], wanted)
    memory = _numbers("float32", 10_000)
    wanted = leaky.catalogue["leaky_relu"].value(memory)
    leaky.leaky_relu(memory, out=memory[:])  # the same memory by another name
    assert _same(memory, wanted)


def test_bad_parameters_are_refused_before_anything_is_written() -> None:
    x, out = np.ones(1000, "f4"), np.full(1000, 7, "f4")
    with pytest.raises(ArgumentError, match=r"^leaky_relu: `negative_slope` must be finite, got nan$"):
        leaky.leaky_relu(x, float("nan"), out=out)
    assert (out == 7).all()


def test_no_warning_for_what_is_defined() -> None:
    x = _numbers("float16", 1000)
    with np.errstate(all="raise"):
        leaky.leaky_relu(x, 1e6)


class Tagged(np.ndarray):  # type: ignore[type-arg]
    """An array of somebody else's class."""


def test_subclasses_take_the_formula() -> None:
    tagged = _numbers("float32", 2000).view(Tagged)
    wanted = leaky.catalogue["leaky_relu"].value(tagged)
    assert type(leaky.leaky_relu(tagged)) is type(wanted)
    assert np.array_equal(leaky.leaky_relu(tagged), wanted, equal_nan=True)
