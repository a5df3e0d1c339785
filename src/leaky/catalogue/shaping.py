"""Activations that work along axes: concatenating, taking the largest of a group, subtracting a mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from leaky.catalogue.along import Along
from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.facts import OUTPUT, Facts, Onnx
from leaky.catalogue.gain import normal_mean
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.pieces import Pieces, Sided
from leaky.catalogue.rectifiers import relu
from leaky.errors import ArgumentError

_DIM = Parameter(name="dim", default=1, meaning="the axis of the channels", integer=True)


class _BothSlopes(Sided):
    """f' of [max(x, 0), max(-x, 0)] along `dim`: two values for every x, both 0 at 0."""

    rising = Pieces((0.0, 1.0))
    falling = Pieces((-1.0, 0.0), own=("right",))

    def edges(self, dim: int) -> tuple[Any, ...]:
        return (0.0,)

    def on(self, side: str | None, xp: Any, x: Array, dim: int) -> Array:
        return xp.concat([self.rising.on(side, xp, x), self.falling.on(side, xp, x)], axis=dim)


def _crelu(xp: Any, x: Array, dim: int) -> Array:
    return xp.concat([relu(xp, x), relu(xp, -x)], axis=dim)


def _crelu_inverse(xp: Any, y: Array, dim: int) -> Array:
    length = y.shape[dim]
    if length % 2:
        raise ArgumentError(f"crelu: `y` must be of even length along dim={dim}, got shape {tuple(y.shape)}")
    before = (slice(None),) * (dim % y.ndim)
    up, down = y[(*before, slice(length // 2))], y[(*before, slice(length // 2, None))]
    return xp.where(up == down, xp.zeros_like(up), up - down)  # both are 0, or x is NaN


def _groups(xp: Any, x: Array, num_pieces: int, dim: int) -> Array:
    """x with its axis `dim` as two: groups, and the neighbours in a group."""
    dim = dim % x.ndim
    return xp.reshape(x, (*x.shape[:dim], x.shape[dim] // num_pieces, num_pieces, *x.shape[dim + 1 :]))


def _maxout(xp: Any, x: Array, num_pieces: int, dim: int) -> Array:
    return xp.max(_groups(xp, x, num_pieces, dim), axis=dim % x.ndim + 1)


def _maxout_derivative(xp: Any, x: Array, num_pieces: int, dim: int) -> Array:
    groups, axis = _groups(xp, x, num_pieces, dim), dim % x.ndim + 1
    largest = xp.astype(groups == xp.max(groups, axis=axis, keepdims=True), x.dtype)
    return xp.reshape(largest / xp.sum(largest, axis=axis, keepdims=True), x.shape)


def _maxout_refuses(shape: tuple[int, ...], num_pieces: int, dim: int) -> str | None:
    if shape[dim] % num_pieces:
        return (
            f"`num_pieces` must divide the length of `x` along dim={dim}, {shape[dim]}, got {num_pieces}; "
            "neighbouring channels are a group"
        )
    return None


def _maxout_moment(num_pieces: int, dim: int) -> float:
    """E of the square of the largest of so many normal numbers."""

    def given(z: Any) -> Any:
        below = np.vectorize(lambda at: math.erfc(-at / math.sqrt(2)) / 2)(z)
        return z**2 * num_pieces * below ** (num_pieces - 1)

    return normal_mean(given)


def _mean(xp: Any, x: Array, start_dim: int) -> Array:
    return xp.mean(x, axis=tuple(range(start_dim, x.ndim)), keepdims=True)


def _average_biased(xp: Any, x: Array, start_dim: int) -> Array:
    return relu(xp, x - _mean(xp, x, start_dim))


def _average_biased_derivative(xp: Any, x: Array, start_dim: int) -> Array:
    return Pieces((0.0, 1.0))(xp, x - _mean(xp, x, start_dim))


SHAPING = (
    Activation(
        name="crelu",
        title="Concatenated ReLU",
        family="rectifier",
        formula="[max(x, 0), max(-x, 0)], one after the other along dim, which becomes twice as long",
        slope="[1 if x > 0 else 0, -1 if x < 0 else 0]",
        at_zero="f(0) = f'(0) = [0, 0]; f(NaN) = f'(NaN) = NaN",
        value_formula=_crelu,
        derivative_formula=_BothSlopes(),
        inverse_formula=_crelu_inverse,
        parameters=(_DIM,),
        along=Along(axes=lambda ndim, dim: (dim,)),
        piecewise_linear=True,
        facts=Facts(monotone=False, convex=True, homogeneous=True, bounds=(0.0, math.inf), backward=OUTPUT),
        moments=(lambda dim: 0.5, lambda dim: 1.0),
        onnx=Onnx(composed="Concat(Relu(x), Relu(Neg(x)), axis=dim)"),
        module="CReLU",
        papers=(
            "Shang, Sohn, Almeida, Lee 2016: Understanding and Improving Convolutional Neural Networks via "
            "Concatenated Rectified Linear Units. ICML. arXiv:1603.05201",
        ),
    ),
    Activation(
        name="maxout",
        title="Maxout",
        family="rectifier",
        formula="the largest of every num_pieces neighbours along dim, which becomes that much shorter",
        slope="1 for the largest of a group, 0 for the others; equal ones share it",
        at_zero="among equal ones f' is 1 over their number; f(NaN) = f'(NaN) = NaN for the whole group",
        value_formula=_maxout,
        derivative_formula=_maxout_derivative,
        no_inverse="only the largest of a group is left",
        parameters=(
            Parameter(name="num_pieces", default=2, meaning="neighbours in a group", integer=True, least=1),
            _DIM,
        ),
        along=Along(axes=lambda ndim, num_pieces, dim: (dim,), refuses=_maxout_refuses),
        piecewise_linear=True,
        facts=Facts(
            monotone=True, convex=True, homogeneous=True, backward="the place of the largest in each group"
        ),
        moments=(_maxout_moment, lambda num_pieces, dim: 1 / num_pieces),
        onnx=Onnx(composed="ReduceMax over groups of neighbouring channels, made by Reshape"),
        module="Maxout",
        papers=(
            "Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013: Maxout Networks. ICML. arXiv:1302.4389",
        ),
    ),
    Activation(
        name="average_biased_relu",
        title="Average Biased ReLU",
        family="rectifier",
        formula="max(x - mean(x), 0), the mean over all axes from start_dim on: of each sample by default",
        slope="1 if x > mean(x) else 0, the mean held fixed; automatic differentiation goes through the mean too",
        at_zero="where x is the mean f = f' = 0 (the left side); f(NaN) = f'(NaN) = NaN, for the whole sample",
        value_formula=_average_biased,
        derivative_formula=_average_biased_derivative,
        no_inverse="every x <= mean(x) gives 0",
        parameters=(
            Parameter(
                name="start_dim",
                default=1,
                meaning="first axis of the mean; 0 takes the mean of the whole array",
                integer=True,
                least=0,
            ),
        ),
        along=Along(axes=lambda ndim, start_dim: tuple(range(start_dim, ndim))),
        facts=Facts(monotone=False, convex=True, homogeneous=True, bounds=(0.0, math.inf), backward=OUTPUT),
        moments=(lambda start_dim: 0.5, lambda start_dim: 0.5),
        ulps=4,
        onnx=Onnx(composed="Relu(Sub(x, ReduceMean(x)))"),
        acronyms=(("ABReLU", "average biased"),),
        module="AverageBiasedReLU",
        papers=(
            "Dubey, Chakraborty 2021: Average biased ReLU based CNN descriptor for improved face retrieval. "
            "Multimedia Tools and Applications. arXiv:1804.02051",
        ),
    ),
)
