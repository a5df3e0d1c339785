"""What an activation is given: what is refused, and how; arrays of parameters that do not fit."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError

REFUSED = {
    "complex": (1j, "complex128"),
    "complex array": (np.zeros(2, dtype=np.complex64), "complex64"),
    "text": ("1.0", "<U3"),
    "bytes": (b"1", "|S1"),
    "none": (None, "object"),
    "objects": (np.array([1, None]), "object"),
    "a dict": ({}, "object"),
    "dates": (np.zeros(2, dtype="M8[s]"), "datetime64[s]"),
    "durations": (np.zeros(2, dtype="m8[s]"), "timedelta64[s]"),
    "structures": (np.zeros(2, dtype="i4,i4"), "[('f0', '<i4'), ('f1', '<i4')]"),
}


@pytest.mark.parametrize("given", REFUSED)
@pytest.mark.parametrize("name", [name for name, entry in leaky.catalogue.items() if entry.value_formula])
def test_what_holds_no_real_numbers_is_refused(name: str, given: str) -> None:
    x, dtype = REFUSED[given]
    message = f"{name}: `x` must hold real numbers, got dtype {dtype}"
    for function in (getattr(leaky, name), leaky.catalogue[name].derivative):
        with pytest.raises(ArgumentTypeError, match=f"^{re.escape(message)}$"):
            function(x)


def test_other_libraries_dtypes_are_refused_in_the_same_words() -> None:
    torch = pytest.importorskip("torch")
    dask = pytest.importorskip("dask.array")
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for x, dtype in (
        (torch.zeros(2, dtype=torch.complex64), "torch.complex64"),
        (dask.zeros(2, dtype="complex128"), "complex128"),
        (np.zeros(2, dtype=ml_dtypes.bfloat16), "bfloat16"),
    ):
        with pytest.raises(ArgumentTypeError, match=f"^relu: `x` must hold real numbers, got dtype {dtype}$"):
            leaky.relu(x)


def test_ragged_lists_are_refused_with_the_reason() -> None:
    message = "relu: `x` must hold real numbers, got [[1], [1, 2]] (setting an array element with a sequence."
    with pytest.raises(ArgumentTypeError, match=f"^{re.escape(message)}"):
        leaky.relu([[1], [1, 2]])


def test_what_offers_an_array_is_taken_as_one() -> None:
    class Series:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return np.array([-1.0, 2.0], dtype=np.float32)

    y = leaky.relu(Series())
    assert y.dtype == np.float32
    assert y.tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("x", "slope", "error", "message"),
    [
        (np.zeros(4), np.zeros(3), ArgumentError, "of shape (3,) must broadcast to the shape of `x`, (4,);"),
        (np.zeros(()), np.zeros(3), ArgumentError, "of shape (3,) must broadcast to the shape of `x`, ();"),
        (np.zeros((1, 4)), np.zeros((2, 4)), ArgumentError, "of shape (2, 4) must broadcast to the shape of"),
        (np.zeros(1), np.array(["a"]), ArgumentTypeError, "must hold real numbers, got dtype <U1"),
        (np.zeros(1), np.array([1j]), ArgumentTypeError, "must hold real numbers, got dtype complex128"),
        (np.zeros(1), [0.1], ArgumentTypeError, "must be a number, got [0.1]"),
    ],
)
def test_slopes_that_do_not_fit_are_refused(x: Any, slope: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape('prelu: `negative_slope` ' + message)}"):
        leaky.prelu(x, slope)


def test_slopes_of_another_library() -> None:
    torch = pytest.importorskip("torch")
    assert leaky.prelu(torch.tensor([-1.0, 2.0]), np.array([0.5, 0.5])).tolist() == [-0.5, 2.0]
    assert leaky.prelu(np.array([-1.0, 2.0]), torch.tensor([0.5, 0.5])).tolist() == [-0.5, 2.0]
    with pytest.raises(ArgumentTypeError, match=r"^prelu: `negative_slope` does not go with `x`: "):
        leaky.prelu(np.array([-1.0]), torch.tensor([0.5], requires_grad=True))  # the gradient could not flow


def test_integer_slopes_do_not_make_integers() -> None:
    y = leaky.prelu(np.array([-1.5, 2.0], dtype=np.float32), np.array([2, 3]))
    assert y.dtype == np.float32
    assert y.tolist() == [-3.0, 2.0]


def test_infinities_and_overflow_warn_nobody() -> None:
    with np.errstate(all="raise"):
        assert leaky.leaky_relu(np.array([-1e308]), 1e3).tolist() == [-np.inf]
        assert leaky.softplus(np.array([1e308, -1e308]), 5.0).tolist() == [1e308, 0.0]


def test_a_mask_is_refused_not_lost() -> None:
    with pytest.raises(ArgumentTypeError) as raised:
        leaky.leaky_relu(np.ma.array([-1.0, 2.0], mask=[True, False]))
    assert str(raised.value) == (
        "leaky_relu: `x` must be an array without a mask, got a MaskedArray; give x.data or x.filled(0)"
    )


def test_tensors_that_are_not_dense_are_refused() -> None:
    rows = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    for x, kind in (
        (torch.eye(3).to_sparse(), "torch.sparse_coo; give x.to_dense()"),
        (rows, "a nested tensor; give it padded"),
    ):
        with pytest.raises(ArgumentTypeError) as raised:
            leaky.elu(x)
        assert str(raised.value) == f"elu: `x` must be dense, got {kind}"


def test_a_list_of_tensors_that_need_gradients_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match=r"relu: `x` must hold real numbers, got .*requires grad"):
        leaky.relu([torch.tensor(1.0, requires_grad=True)])


def test_slopes_on_another_device_are_refused() -> None:
    with pytest.raises(ArgumentError) as raised:
        leaky.prelu(torch.ones(2, 3), torch.ones(3, device="meta"))
    assert str(raised.value) == (
        "prelu: `negative_slope` must be on the device of `x`, cpu, got meta; move it there"
    )


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "gelu"])
@pytest.mark.parametrize("dtype", [">f2", ">f4", ">f8"])
def test_the_other_byte_order_gives_this_machines(name: str, dtype: str) -> None:
    x = np.array([-2.0, 0.0, 3.0])
    found = getattr(leaky, name)(x.astype(dtype))
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, getattr(leaky, name)(x.astype(dtype[1:])), strict=True)


def test_parameters_that_the_precision_has_not() -> None:
    x = np.array([-np.inf, -1.0, 0.0, 1.0, np.inf, np.nan], dtype=np.float32)
    for call, value, slope in (
        (("hardsigmoid", {"slope": 1e-50}), [0, 0.5, 0.5, 0.5, 1, np.nan], [0, 0, 0, 0, 0, np.nan]),
        (("hardsigmoid", {"slope": 1e39}), [0, 0, 0.5, 1, 1, np.nan], [0, 0, 0, 0, 0, np.nan]),
        (("hardsigmoid", {"offset": 1e39}), [0, 1, 1, 1, 1, np.nan], [0, 0, 0, 0, 0, np.nan]),
        (("celu", {"alpha": 1e-50}), [0, 0, 0, 1, np.inf, np.nan], [0, 0, 1, 1, 1, np.nan]),
        (("celu", {"alpha": 1e39}), [-np.inf, -1, 0, 1, np.inf, np.nan], [1, 1, 1, 1, 1, np.nan]),
    ):
        name, parameters = call
        entry = leaky.catalogue[name]
        np.testing.assert_array_equal(entry.value(x, **parameters), np.float32(value), err_msg=str(call))
        np.testing.assert_array_equal(entry.derivative(x, **parameters), np.float32(slope), err_msg=str(call))
