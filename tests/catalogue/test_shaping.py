"""Entries that work along axes: values, shapes, dask blocks, errors; and those that need weights."""

from __future__ import annotations

import re

import numpy as np
import pytest

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError

X = np.array([[-1.0, 2.0, 0.5, np.nan], [3.0, -4.0, 0.0, 1.0]])


def test_crelu_concatenates_and_comes_back() -> None:
    crelu = leaky.catalogue["crelu"]
    y = leaky.crelu(X)
    np.testing.assert_array_equal(y, np.concatenate([np.maximum(X, 0), np.maximum(-X, 0)], axis=1))
    np.testing.assert_array_equal(crelu.inverse(y), X)
    np.testing.assert_array_equal(
        leaky.crelu(X, dim=0), np.concatenate([np.maximum(X, 0), np.maximum(-X, 0)])
    )
    np.testing.assert_array_equal(leaky.crelu(X, -1), y)
    wide = crelu.inverse(np.array([[np.inf, 0.0]]))
    assert wide.tolist() == [[np.inf]]
    zero = np.zeros((1, 1))
    assert crelu.derivative(zero).tolist() == [[0, 0]]
    assert crelu.derivative(zero, kink="left").tolist() == [[0, -1]]
    assert crelu.derivative(zero, kink="right").tolist() == [[1, 0]]
    assert crelu.derivative(zero, kink="mid").tolist() == [[0.5, -0.5]]
    assert crelu.derivative(np.array([[3.0, -2.0]])).tolist() == [[1, 0, 0, -1]]


def test_maxout_takes_the_largest_of_neighbours() -> None:
    maxout = leaky.catalogue["maxout"]
    np.testing.assert_array_equal(leaky.maxout(X), [[2, np.nan], [3, 1]])
    np.testing.assert_array_equal(leaky.maxout(X, 2, dim=0), np.maximum(X[:1], X[1:]))
    assert leaky.maxout(X[1:], num_pieces=4).tolist() == [[3.0]]
    assert maxout.derivative(np.array([[1.0, 2.0, 5.0, 5.0]])).tolist() == [[0, 1, 0.5, 0.5]]


def test_maxout_of_a_line_and_its_scaled_self_is_leaky_relu() -> None:
    x = np.linspace(-3, 3, 13)
    pairs = np.stack([x, 0.2 * x], axis=1)
    np.testing.assert_array_equal(leaky.maxout(pairs)[:, 0], leaky.leaky_relu(x, 0.2))


def test_average_biased_relu_takes_off_the_mean_of_each_sample() -> None:
    x = np.arange(24.0).reshape(2, 3, 4) ** 1.5
    mean = x.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(leaky.average_biased_relu(x), np.maximum(x - mean, 0), rtol=1e-14)
    np.testing.assert_allclose(leaky.average_biased_relu(x, 0), np.maximum(x - x.mean(), 0), rtol=1e-14)
    np.testing.assert_array_equal(leaky.catalogue["average_biased_relu"].derivative(x), x > mean)


@pytest.mark.parametrize("name", ["crelu", "maxout", "average_biased_relu"])
def test_every_library_gives_what_numpy_gives(name: str) -> None:
    function = getattr(leaky, name)
    x = np.random.default_rng(3).normal(size=(4, 6, 5)).astype(np.float32)
    wanted = function(x)
    assert wanted.dtype == np.float32
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    strict, dask = pytest.importorskip("array_api_strict"), pytest.importorskip("dask.array")
    close = {"rtol": 1e-6, "atol": 1e-6}
    tensor = torch.tensor(x, requires_grad=True)
    y = function(tensor)
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), wanted, **close)
    np.testing.assert_allclose(np.asarray(jax.jit(function)(jax.numpy.asarray(x))), wanted, **close)
    gradient = jax.grad(lambda z: function(z).sum())(jax.numpy.asarray(x))
    np.testing.assert_allclose(np.asarray(gradient), tensor.grad.numpy(), **close)
    np.testing.assert_allclose(np.asarray(function(strict.asarray(x))), wanted, **close)
    for chunks in ((2, 4, 5), (4, 6, 5), (1, 1, 1)):
        blocks = function(dask.from_array(x, chunks=chunks))
        assert blocks.shape == wanted.shape
        np.testing.assert_allclose(blocks.compute(), wanted, **close)
    out = np.empty_like(wanted)
    assert function(x, out=out) is out
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize(
    ("name", "shape", "given", "message"),
    [
        (
            "crelu",
            (3,),
            {},
            "`x` of shape (3,) is too small for dim=1; it needs more dimensions, (N, C, ...)",
        ),
        (
            "crelu",
            (),
            {"dim": 0},
            "`x` of shape () is too small for dim=0; it needs more dimensions, (N, C, ...)",
        ),
        (
            "maxout",
            (2, 3),
            {},
            "`num_pieces` must divide the length of `x` along dim=1, 3, got 2; neighbouring",
        ),
        ("maxout", (2, 4), {"num_pieces": 0}, "`num_pieces` must be an integer of at least 1, got 0"),
        ("average_biased_relu", (3,), {}, "`x` of shape (3,) is too small for start_dim=1; it needs more"),
    ],
)
def test_shapes_that_do_not_fit(
    name: str, shape: tuple[int, ...], given: dict[str, int], message: str
) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(f'{name}: {message}')}"):
        getattr(leaky, name)(np.zeros(shape), **given)


def test_counts_are_integers() -> None:
    with pytest.raises(ArgumentTypeError, match=r"^crelu: `dim` must be an integer, got 1\.0$"):
        leaky.crelu(X, 1.0)
    with pytest.raises(ArgumentTypeError, match=r"^maxout: `num_pieces` must be an integer, got True$"):
        leaky.maxout(X, True)
    with pytest.raises(
        ArgumentError, match=r"^crelu: `y` must be of even length along dim=1, got shape \(1, 3\)$"
    ):
        leaky.catalogue["crelu"].inverse(np.zeros((1, 3)))


@pytest.mark.parametrize("name", ["dynamic_relu", "funnel_relu"])
def test_what_needs_weights_says_so(name: str) -> None:
    entry = leaky.catalogue[name]
    for function in (getattr(leaky, name), entry.value, entry.derivative):
        with pytest.raises(ArgumentError) as caught:
            function(X)
        assert str(caught.value) == f"{name}: needs weights of its own, use leaky.nn.{entry.module}"
