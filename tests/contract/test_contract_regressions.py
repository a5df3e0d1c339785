"""What other frameworks were found to get wrong, or differently, as cases for these functions.

Each case names where it was met. Values, derivatives and automatic differentiation in NumPy, torch and JAX.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from contract_libraries import LIBRARIES, Library, opened

import leaky

pytestmark = pytest.mark.filterwarnings("error")
INF, NAN = math.inf, math.nan
TAIL = 6.220960574271785e-16  # P(z > 8)
SCALE, SCALE_ALPHA = 1.0507009873554804, 1.7580993408473766
LIBRARY = pytest.mark.parametrize("library", ["numpy", "torch", "jax"], indirect=True)

KINKS: list[tuple[str, dict[str, Any], float, float, float, float]] = [
    # name, parameters, where, slope from the left, from the right, and the one that is taken
    ("relu", {}, 0, 0, 1, 0),
    ("leaky_relu", {"negative_slope": 0.125}, 0, 0.125, 1, 0.125),
    ("leaky_relu", {"negative_slope": 1.5}, 0, 1.5, 1, 1.5),
    ("leaky_relu", {"negative_slope": -0.5}, 0, -0.5, 1, -0.5),
    ("prelu", {"negative_slope": 0.25}, 0, 0.25, 1, 0.25),
    ("prelu", {"negative_slope": 0.0}, 0, 0, 1, 0),
    ("elu", {"alpha": 1.0}, 0, 1, 1, 1),
    ("elu", {"alpha": 2.0}, 0, 2, 1, 2),
    ("selu", {}, 0, SCALE_ALPHA, SCALE, SCALE_ALPHA),
    ("celu", {"alpha": 1.0}, 0, 1, 1, 1),
    ("celu", {"alpha": 2.0}, 0, 1, 1, 1),
    ("relu6", {}, 0, 0, 1, 0),
    ("relu6", {}, 6, 1, 0, 0),
    ("hardtanh", {}, -1, 0, 1, 0),
    ("hardtanh", {}, 1, 1, 0, 0),
    ("hardsigmoid", {}, -3, 0, 1 / 6, 0),
    ("hardsigmoid", {}, 3, 1 / 6, 0, 0),
    ("hardswish", {}, -3, 0, -0.5, 0),
    ("hardswish", {}, 3, 1.5, 1, 1),
]

ANY = None
"""Not what the case is about."""
CASES: list[tuple[str, str, dict[str, Any], float, float | None, float | None]] = [
    # where it was met, name, parameters, x, value, derivative
    ("Keras on NumPy, MLX, mlpack: max(x, a x)", "leaky_relu", {"negative_slope": 1.5}, -1, -1.5, 1.5),
    ("Keras on NumPy, MLX, mlpack: max(x, a x)", "leaky_relu", {"negative_slope": 1.5}, 1, 1, 1),
    ("max(x, a x) at infinity is a tie", "leaky_relu", {"negative_slope": 0.125}, INF, INF, 1),
    ("max(x, a x) at infinity is a tie", "leaky_relu", {"negative_slope": 0.125}, -INF, -INF, 0.125),
    ("Keras on NumPy, MLX: 0 * inf", "leaky_relu", {"negative_slope": 0.0}, INF, INF, 1),
    ("torch, TF, JAX, ONNX: 0 * -inf", "leaky_relu", {"negative_slope": 0.0}, -INF, 0, 0),
    ("Chainer: slope 1 at -inf", "prelu", {"negative_slope": 0.0}, -INF, 0, 0),
    ("MXNet, Caffe in place, Darknet", "leaky_relu", {"negative_slope": -0.25}, -8, 2, -0.25),
    ("MXNet, Caffe in place, Darknet", "leaky_relu", {"negative_slope": -0.25}, 2, 2, 1),
    ("Caffe, Darknet, Theano: NaN", "relu", {}, -INF, 0, 0),
    ("CS231n: 1(x<0)(a x) + 1(x>=0)(x)", "leaky_relu", {}, INF, INF, 1),
    ("Paddle, tinygrad: 0", "relu", {}, NAN, NAN, ANY),
    ("torch: 1 for the slope", "leaky_relu", {}, NAN, NAN, ANY),
    ("ONNX, Keras: 0", "thresholded_relu", {}, NAN, NAN, ANY),
    ("Paddle: NaN", "thresholded_relu", {}, -INF, 0, 0),
    ("tinygrad: relu(x) - relu(x - 6)", "relu6", {}, INF, 6, 0),
    ("TF: exp(x) - 1", "elu", {"alpha": 1.0}, -(2.0**-40), math.expm1(-(2.0**-40)), 1 - 2.0**-40),
    ("MLX, tinygrad: 0 * inf in the branch not taken", "elu", {"alpha": 1.0}, 88.75, 88.75, 1),
    ("MLX, tinygrad: 0 * inf in the branch not taken", "elu", {"alpha": 1.0}, 1024, 1024, 1),
    ("Darknet: (x < 0) * (exp(x) - 1)", "elu", {"alpha": 1.0}, INF, INF, 1),
    ("MLX, tinygrad: 0 * inf in the branch not taken", "selu", {}, 128, 128 * SCALE, SCALE),
    ("Paddle: NaN from 89", "celu", {"alpha": 1.0}, 89, 89, 1),
    ("all saturate at -alpha", "elu", {"alpha": 2.0}, -INF, -2, 0),
    ("all saturate at -alpha", "celu", {"alpha": 0.5}, -INF, -0.5, 0),
    ("tinygrad: NaN", "softplus", {}, INF, INF, 1),
    ("exp overflows", "softplus", {}, 1024, 1024, 1),
    ("log(1 + exp(x))", "softplus", {}, -40, math.exp(-40), math.exp(-40)),
    ("torch, TF, JAX, ONNX: NaN", "softsign", {}, INF, 1, 0),
    ("torch, TF, JAX, ONNX: NaN", "softsign", {}, -INF, -1, 0),
    ("torch on CPUs: NaN", "gelu", {}, INF, INF, 1),
    ("torch, TF, JAX: NaN", "gelu", {}, -INF, 0, 0),
    ("torch, TF, JAX: NaN", "gelu", {"approximate": "tanh"}, -INF, 0, 0),
    ("torch, TF, JAX: NaN", "silu", {}, -INF, 0, 0),
    ("torch, TF, JAX: NaN", "mish", {}, -INF, 0, 0),
    ("torch, TF, JAX: NaN", "hardswish", {}, -INF, 0, 0),
    ("x (1 + erf) / 2 is 0 from -6", "gelu", {}, -8, -8 * TAIL, TAIL - 8 * 5.0522710835368923e-15),
    ("Paddle: NaN", "silu", {}, -80, -80 * math.exp(-80), -79 * math.exp(-80)),
    ("x * tanh(softplus) through 1 + exp(x)", "mish", {}, -40, -40 * math.exp(-40), -39 * math.exp(-40)),
    ("Darknet on CPUs: NaN from 355", "tanh", {}, 512, 1, 0),
    ("1 - tanh^2 cancels", "tanh", {}, 16, math.tanh(16), 1 / math.cosh(16) ** 2),
    ("torch_activation: 3.0", "very_leaky_relu", {}, -3, -1, 1 / 3),
    ("torch_activation: relu(x - 1)", "shifted_relu", {}, -3, -1, 0),
    ("torch_activation: relu(x - 1)", "shifted_relu", {}, 0.5, 0.5, 1),
    ("all frameworks: 11/48 is not the paper's", "rrelu", {"form": "divide"}, -11, -2, 2 / 11),
]
FALLING = {("tanh", 16.0), ("gelu", -8.0), ("mish", -40.0)}
"""Where libraries differentiate tanh as 1 - tanh^2, or the slope is one of several terms that cancel."""


def _close(got: float, wanted: float | None, dtype: str) -> bool:
    if wanted is ANY:
        return True
    if math.isnan(wanted) or math.isinf(wanted):
        return np.array_equal(got, wanted, equal_nan=True)
    return abs(got - wanted) <= 16 * float(np.finfo(dtype).eps) * abs(wanted)


@LIBRARY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slopes_at_kinks(library: Library, dtype: str) -> None:
    for name, parameters, at, left, right, own in KINKS:
        x, derivative = library.array([at], dtype), leaky.catalogue[name].derivative
        for kink, wanted in ((None, own), ("left", left), ("right", right), ("mid", (left + right) / 2)):
            got = float(library.read(derivative(x, **parameters, kink=kink))[0])
            assert _close(got, wanted, dtype), (
                f"{name}'({at}, {parameters}, kink={kink}): {got}, not {wanted}"
            )
        if library is not LIBRARIES["numpy"]:
            got = _gradient(library, name, parameters, at, dtype)
            assert _close(got, own, dtype), (
                f"{name}'({at}, {parameters}) by {library.module}: {got}, not {own}"
            )


def _gradient(library: Library, name: str, parameters: dict[str, Any], at: float, dtype: str) -> float:
    x, function = library.array([at], dtype), getattr(leaky, name)
    if library is LIBRARIES["torch"]:
        function(x.requires_grad_(), **parameters).sum().backward()
        return float(x.grad[0])
    import jax

    return float(jax.grad(lambda z: function(z, **parameters).sum())(x)[0])


@LIBRARY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_went_wrong_elsewhere(library: Library, dtype: str) -> None:
    for met, name, parameters, at, value, slope in CASES:
        x = library.array([at], dtype)
        got = float(library.read(getattr(leaky, name)(x, **parameters))[0])
        assert _close(got, value, dtype), f"{name}({at}, {parameters}): {got}, not {value} ({met})"
        wanted = NAN if math.isnan(at) else slope
        got = float(library.read(leaky.catalogue[name].derivative(x, **parameters))[0])
        assert _close(got, wanted, dtype), f"{name}'({at}, {parameters}): {got}, not {wanted} ({met})"
        if library is not LIBRARIES["numpy"] and (name, float(at)) not in FALLING:
            got = _gradient(library, name, parameters, at, dtype)
            assert _close(got, slope, dtype), f"{name}'({at}) by {library.module}: {got}, not {slope} ({met})"


def test_signs_of_zero() -> None:
    zeros = np.array([0.0, -0.0])
    for parameters, signs in (({"negative_slope": -0.5}, [True, False]), ({}, [False, True])):
        assert np.signbit(leaky.leaky_relu(zeros, **parameters)).tolist() == signs
    for name in ("relu", "relu6", "clipped_relu", "thresholded_relu", "hardshrink", "squared_relu"):
        assert not np.signbit(getattr(leaky, name)(zeros)).any(), name  # torch's relu keeps -0


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu"])
def test_an_infinite_gradient_behind_a_unit_that_is_off(name: str) -> None:
    """torch, TF and JAX multiply, and 0 * inf is NaN; what is selected stays 0."""
    parameters = {} if name == "relu" else {"negative_slope": 0.0}
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    x = torch.tensor([-1.0, 1.0], requires_grad=True)
    getattr(leaky, name)(x, **parameters).backward(torch.tensor([INF, INF]))
    assert x.grad.tolist() == [0, INF]
    _, pull = jax.vjp(lambda z: getattr(leaky, name)(z, **parameters), jax.numpy.array([-1.0, 1.0]))
    assert pull(jax.numpy.array([INF, INF]))[0].tolist() == [0, INF]


def test_a_slope_survives_the_underflow_of_its_output() -> None:
    """Chainer and whoever asks the output: y = -0 where x < 0 was the smallest number."""
    tiny = np.array([-1, 1], dtype=np.float32) * np.float32(1e-45)
    assert leaky.leaky_relu(tiny).tolist() == [-0.0, float(tiny[1])]
    assert leaky.catalogue["leaky_relu"].derivative(tiny).tolist() == [float(np.float32(0.01)), 1]
    with opened("torch") as library:
        for dtype in ("float16", "float32", "float64"):
            x = library.array([-np.finfo(dtype).smallest_subnormal], dtype).requires_grad_()
            leaky.leaky_relu(x).sum().backward()
            assert library.read(leaky.leaky_relu(x)).tolist() == [0]
            assert library.read(x.grad)[0] == np.asarray(0.01, dtype=dtype)


@pytest.mark.parametrize(
    "name", ["relu6", "hardtanh", "elu", "selu", "celu", "hardsigmoid", "hardswish", "relu"]
)
def test_the_gradient_at_nan_does_not_depend_on_the_length(name: str) -> None:
    """torch's own does (issue 195075)."""
    torch = pytest.importorskip("torch")
    found = set()
    for length in (1, 2, 7, 16, 33, 1000):
        x = torch.full((length,), NAN, requires_grad=True)
        getattr(leaky, name)(x).sum().backward()
        found |= {str(number) for number in x.grad.tolist()}
        assert bool(torch.isnan(leaky.catalogue[name].derivative(x.detach())).all())
    assert len(found) == 1
