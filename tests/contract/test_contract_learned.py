"""Parameters that are arrays: one slope per channel, a slope of 0, gradients for the slopes themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from contract_libraries import PAIRS, Library, opened

import leaky

pytestmark = pytest.mark.filterwarnings("error")
LEARNED = [  # one number per channel; what is a sum of terms has its own tests
    name
    for name, entry in leaky.catalogue.items()
    if len(entry.parameters) == 1 and all(p.learned and not p.series for p in entry.parameters)
]
SLOPES = [0.0, 0.25, -1.0, 1.5, 1.0]
COLUMN = [-math.inf, -3.0, -0.0, 0.0, 2.0, math.inf, math.nan]


def _table(values: list[float]) -> np.ndarray[Any, Any]:
    return np.repeat(np.array(values)[:, None], len(SLOPES), axis=1)


@pytest.mark.parametrize(("library", "dtype"), PAIRS, indirect=["library"])
@pytest.mark.parametrize("what", ["value", "derivative"])
@pytest.mark.parametrize("name", LEARNED)
def test_a_slope_per_channel_is_that_slope_in_each_channel(
    name: str, what: str, library: Library, dtype: str
) -> None:
    function = getattr(leaky.catalogue[name], what)
    x = _table(COLUMN)
    for slope_dtype in (dtype,) if library.compact else (dtype, "float32"):
        slopes = library.array(SLOPES, slope_dtype)
        got = function(library.array(x, dtype), slopes)
        assert library.dtype(got) == dtype
        channels = [library.read(function(library.array(COLUMN, dtype), slope)) for slope in SLOPES]
        np.testing.assert_array_equal(library.read(got), np.stack(channels, axis=1))
    if library.compact:
        return
    turned = function(library.array(x.T, dtype), library.array(np.array(SLOPES)[:, None], dtype))
    np.testing.assert_array_equal(library.read(turned), np.stack(channels, axis=0))


def test_dask_blocks_meet_their_own_slopes() -> None:
    dask = pytest.importorskip("dask.array")
    x, slopes = -np.arange(24.0).reshape(4, 6), np.arange(6.0)
    for chunks in (1, 2, 4, 6):
        blocks = dask.from_array(x, chunks=chunks)
        for given in (slopes, dask.from_array(slopes, chunks=3), slopes[:4, None], slopes[:1]):
            y = leaky.prelu(blocks, given)
            assert y.shape == x.shape
            np.testing.assert_array_equal(y.compute(), leaky.prelu(x, np.asarray(given)))


# d/da of sum over x <= 0 of a * x; the infinities are left out where 0 * inf would have to be a number.
_FINITE = [-3.0, -1.0, -0.0, 0.0, 2.0]
_WANTED = [-4.0] * len(SLOPES)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_learns_slopes_that_are_zero_too(dtype: str) -> None:
    with opened("torch") as library:
        slopes = library.array(SLOPES, dtype).requires_grad_()
        x = library.array(_table(_FINITE), dtype).requires_grad_()
        leaky.prelu(x, slopes).sum().backward()
        assert slopes.grad.tolist() == _WANTED
        assert x.grad.tolist() == library.read(leaky.catalogue["prelu"].derivative(x, slopes)).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jax_learns_slopes_that_are_zero_too(dtype: str) -> None:
    with opened("jax") as library:
        import jax

        slopes, x = library.array(SLOPES, dtype), library.array(_table(_FINITE), dtype)
        gradient = jax.jit(jax.grad(lambda s: leaky.prelu(x, s).sum()))
        assert library.read(gradient(slopes)).tolist() == _WANTED
        assert jax.grad(lambda s: leaky.prelu(x, s).sum())(0.25) == -4.0 * len(SLOPES)


def test_infinite_inputs_leave_no_nan_in_the_gradient_of_a_slope() -> None:
    torch = pytest.importorskip("torch")
    slopes = torch.tensor([0.0, 0.5], requires_grad=True)
    x = torch.tensor([[math.inf, math.inf], [-math.inf, -2.0], [-3.0, -3.0]], requires_grad=True)
    leaky.prelu(x, slopes).sum().backward()
    assert slopes.grad.tolist() == [-3.0, -5.0]  # the value at slope 0 is 0 however far out x is
    assert x.grad.tolist() == [[1.0, 1.0], [0.0, 0.5], [0.0, 0.5]]


def test_torch_differentiates_slopes_twice() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([[-2.0, 1.0, -0.5], [3.0, -1.0, -4.0]], dtype=torch.float64, requires_grad=True)
    slopes = torch.tensor([0.0, 0.25, -1.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(leaky.prelu, (x, slopes))
    assert torch.autograd.gradgradcheck(leaky.prelu, (x, slopes))
