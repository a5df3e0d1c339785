"""What goes in and what comes out: kind, dtype, shape, place; layouts, lengths, promotion, nothing modified."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from contract_libraries import LIBRARIES, PAIRS, Library
from contract_numbers import finite, numbers

import leaky

pytestmark = pytest.mark.filterwarnings("error")
NAMES = [name for name, entry in leaky.catalogue.items() if entry.elementwise]
LAYOUTS = {
    "matrix": lambda a: a,
    "0-d": lambda a: a[1, 2],
    "empty": lambda a: a[:0, :],
    "empty in the middle": lambda a: a[:, 3:3],
    "strided": lambda a: a[1::2, ::3],
    "transposed": lambda a: a.T,
    "one column": lambda a: a[:, 4],
    "three axes": lambda a: a[None, :, :],
}


def _matrix(library: Library, dtype: str) -> Any:
    x = np.array([*finite(dtype, subnormals=False)[-43:], math.nan, math.inf, -math.inf, 0.0, -0.0])
    return library.array(x.reshape(8, 6), dtype)


def _how_many_layouts(library: Library, dtype: str) -> int:
    """All, but in slow libraries for the one dtype; in a compact one what is cut out has no layout of its own."""
    if library.slow and dtype != "float32":
        return 1
    return 3 if library.compact else len(LAYOUTS)


def _same(one: Any, other: Any) -> bool:
    """Equal numbers, zeros of equal sign, NaN at the same places."""
    if not np.array_equal(one, other, equal_nan=True):
        return False
    known = ~np.isnan(one)
    return np.array_equal(np.signbit(one)[known], np.signbit(other)[known])


@pytest.mark.parametrize(("library", "dtype"), PAIRS, indirect=["library"])
@pytest.mark.parametrize("name", NAMES)
def test_layouts_keep_kind_dtype_shape_and_place(name: str, library: Library, dtype: str) -> None:
    whole = _matrix(library, dtype)
    kept = library.read(whole).tobytes()
    for function in (getattr(leaky, name), leaky.catalogue[name].derivative)[: 1 if library.compact else 2]:
        reference = library.read(function(whole))
        for layout, view in list(LAYOUTS.items())[: _how_many_layouts(library, dtype)]:
            x = view(whole)
            y = function(x)
            assert library.kind(y) is library.kind(x), layout
            assert library.dtype(y) == library.dtype(x) == dtype, layout
            assert tuple(y.shape) == tuple(x.shape), layout
            assert library.place(y) == library.place(x), layout
            assert _same(library.read(y), view(reference)), layout
    assert library.read(whole).tobytes() == kept


LENGTHS = (1, 7, 16, 17, 33, 1023)
"""Less than a vector of any processor, whole ones, and some that leave a rest."""


@functools.cache
def _long(dtype: str, subnormals: bool) -> np.ndarray[Any, Any]:
    """1023 numbers, the special ones in three places of a vector."""
    generator, special = np.random.default_rng(3), np.array(numbers(dtype, subnormals))
    crowd = generator.normal(size=1023 - 3 * len(special)) * np.geomspace(0.01, 30, 1023 - 3 * len(special))
    return np.concatenate([special, crowd[:100], special, crowd[100:201], special, crowd[201:]])


@pytest.mark.parametrize(
    ("library", "dtype"),
    [pair for pair in PAIRS if not LIBRARIES[pair[0]].slow or pair[1] == "float32"],
    indirect=["library"],
)
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_the_same_whatever_the_length(name: str, library: Library, dtype: str) -> None:
    x = _long(dtype, dtype not in library.flushes)
    for function in (getattr(leaky, name), leaky.catalogue[name].derivative)[: 1 if library.slow else 2]:
        together = library.read(function(library.array(x, dtype)))
        for length in LENGTHS[:1] if library.slow else LENGTHS:
            for start in range(0, len(x) - length + 1, 400 if library.slow else 97):
                part = slice(start, start + length)
                assert _same(library.read(function(library.array(x[part], dtype))), together[part]), length


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_numpy_layouts_of_its_own(name: str, dtype: str) -> None:
    function = getattr(leaky, name)
    x = np.array(finite(dtype)[:48], dtype=dtype).reshape(6, 8)
    for view in (
        x[::-1, ::-2],
        np.asfortranarray(x),
        np.broadcast_to(x[0], (3, 8)),
        x.astype(x.dtype.newbyteorder()),
    ):
        assert _same(np.asarray(function(view)), np.asarray(function(np.array(view, dtype=dtype))))
    unaligned = np.frombuffer(b"\0" + x.tobytes(), dtype=np.uint8)[1:].view(dtype)
    assert not unaligned.flags.writeable
    assert _same(np.asarray(function(unaligned)), np.asarray(function(x.ravel())))


@pytest.mark.parametrize("name", NAMES)
def test_python_numbers_and_sequences_become_float64(name: str) -> None:
    function = getattr(leaky, name)
    two = function(np.array([2.0, -1.0]))
    for x in ([2, -1], (2.0, -1.0), np.array([2, -1], dtype=np.int8), [np.float64(2), -1]):
        assert function(x).dtype == np.float64
        assert function(x).tolist() == two.tolist()
    assert function(2) == function(2.0) == function(np.float64(2)) == two[0]
    assert function(True) == function(1.0)
    assert function([]).shape == (0,)
    assert type(function(np.float32(2))) is np.float32


@pytest.mark.parametrize("library", LIBRARIES, indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_integers_and_booleans_become_the_default_float(name: str, library: Library) -> None:
    function = getattr(leaky, name)
    floats = library.array([0, 1], library.default)
    for dtype in ("bool", "int8", "int32", "int64", "uint8"):
        y = function(library.array([0, 1], dtype))
        assert library.dtype(y) == library.default
        assert _same(library.read(y), library.read(function(floats)))


def test_eight_bit_floats_of_torch_are_computed_in_float32() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([-2.0, 0.0, 3.0])
    for name in NAMES:
        y = getattr(leaky, name)(x.to(torch.float8_e4m3fn))
        assert torch.equal(y.float(), getattr(leaky, name)(x).to(torch.float8_e4m3fn).float())


def test_long_double_stays_long_double() -> None:
    x = np.array([-2, 0, 3], dtype=np.longdouble)
    for name in NAMES:
        y = getattr(leaky, name)(x)
        assert y.dtype == np.longdouble
        np.testing.assert_allclose(
            y.astype(float), getattr(leaky, name)(x.astype(float)), rtol=4e-16, atol=4e-16
        )


def test_unevaluated_sizes_of_dask_pass_through() -> None:
    dask = pytest.importorskip("dask.array")
    x = dask.from_array(np.arange(-5.0, 5.0), chunks=3)
    y = leaky.leaky_relu(x[x < 3])
    assert math.isnan(y.shape[0])
    assert y.compute().tolist() == leaky.leaky_relu(np.arange(-5.0, 3.0)).tolist()
