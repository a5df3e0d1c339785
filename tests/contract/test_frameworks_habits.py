"""What else PyTorch, JAX and ONNX Runtime do that the guide's page on conventions tells, asked of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

INF, NAN = math.inf, math.nan
A = 0.1


def torch_slope(function: Callable[[Any], Any], x: float, incoming: float = 1.0) -> float:
    torch = pytest.importorskip("torch")
    leaf = torch.tensor([x], requires_grad=True)
    function(leaf).backward(torch.tensor([incoming]))
    return float(leaf.grad[0])


def jax_slope(function: Callable[[Any], Any], x: float, incoming: float = 1.0) -> float:
    jax = pytest.importorskip("jax")
    y, pull = jax.vjp(function, jax.numpy.full((1,), x))
    return float(pull(jax.numpy.full_like(y, incoming))[0][0])


BY_HAND: dict[str, tuple[Callable[[Any, Any], Any], float, float]] = {
    "maximum": (lambda lib, x: lib.maximum(x, A * x), (1 + A) / 2, (1 + A) / 2),
    "difference": (lambda lib, x: lib.relu(x) - A * lib.relu(-x), 0.0, 0.0),
    "where >": (lambda lib, x: lib.where(x > 0, x, A * x), A, A),
    "where >=": (lambda lib, x: lib.where(x >= 0, x, A * x), 1.0, 1.0),
    "absolute": (lambda lib, x: 0.5 * (1 + A) * x + 0.5 * (1 - A) * lib.abs(x), (1 + A) / 2, 1.0),
}
"""A form, and the slope at 0 that it has in torch and in JAX, whose |x| has the slope 1 there."""


@pytest.mark.parametrize("form", BY_HAND)
def test_leaky_relu_by_hand_has_the_slope_of_its_form_at_zero(form: str) -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")

    class Jax:
        maximum, where, abs, relu = jax.numpy.maximum, jax.numpy.where, jax.numpy.abs, jax.nn.relu

    written, in_torch, in_jax = BY_HAND[form]
    assert torch_slope(lambda x: written(torch, x), 0.0) == pytest.approx(in_torch)
    assert jax_slope(lambda x: written(Jax, x), 0.0) == pytest.approx(in_jax)


def test_maximum_splits_its_ties_at_infinity_too() -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    for x in (INF, -INF):
        assert torch_slope(lambda x: torch.maximum(x, A * x), x) == pytest.approx((1 + A) / 2)
        assert jax_slope(lambda x: jax.numpy.maximum(x, A * x), x) == pytest.approx((1 + A) / 2)


def test_torchs_clamp_lets_the_gradient_through_at_its_ends() -> None:
    torch = pytest.importorskip("torch")
    halves = torch_slope(lambda x: x.clamp_min(0) + A * x.clamp_max(0), 0.0)
    assert halves == pytest.approx(1 + A)  # outside [A, 1]
    assert [torch_slope(lambda x: x.clamp(0, 6), x) for x in (0.0, 6.0)] == [1, 1]
    assert [torch_slope(torch.nn.functional.relu6, x) for x in (0.0, 6.0)] == [0, 0]


def signs(values: Any) -> list[bool]:
    return np.signbit(np.asarray(values)).tolist()


def test_the_sign_of_zero() -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    zeros = np.array([0.0, -0.0], dtype=np.float32)
    assert signs(torch.relu(torch.from_numpy(zeros))) == [False, True]
    assert signs(jax.nn.relu(zeros)) == [False, False]
    assert signs(torch.nn.functional.leaky_relu(torch.from_numpy(zeros), -A)) == [True, False]
    assert signs(jax.nn.leaky_relu(zeros, -A)) == [False, True]


def test_relu_selects_and_does_not_multiply_an_infinite_gradient() -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    assert torch_slope(torch.relu, -1.0, INF) == 0
    assert jax_slope(jax.nn.relu, -1.0, INF) == 0
    assert math.isnan(torch_slope(lambda x: torch.nn.functional.leaky_relu(x, 0.0), -1.0, INF))
    assert math.isnan(jax_slope(lambda x: jax.nn.leaky_relu(x, 0.0), -1.0, INF))


def test_gradients_far_out() -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    for name in ("elu", "celu", "selu"):
        expected = 1.0507 if name == "selu" else 1.0
        assert torch_slope(getattr(torch.nn.functional, name), 100.0) == pytest.approx(expected, rel=1e-4)
        assert jax_slope(getattr(jax.nn, name), 100.0) == pytest.approx(expected, rel=1e-4)
    assert torch_slope(torch.nn.functional.silu, -100.0) == pytest.approx(0, abs=1e-35)
    assert jax_slope(jax.nn.silu, -100.0) == pytest.approx(0, abs=1e-35)


def test_elus_gradient_is_lost_where_it_is_taken_from_the_output() -> None:
    """e^-20 is 2.06e-9; out of place torch has it, in place torch and JAX, through expm1, have 0."""
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    elu = torch.nn.functional.elu
    assert torch_slope(elu, -20.0) == pytest.approx(math.exp(-20), rel=1e-5)
    assert torch_slope(lambda x: elu(x * 1.0, inplace=True), -20.0) == 0
    assert jax_slope(jax.nn.elu, -20.0) == 0


def test_what_kinds_of_numbers_are_taken() -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    assert torch.relu(torch.tensor([-1, 2])).dtype == torch.int64
    with pytest.raises(RuntimeError, match="not implemented for"):
        torch.nn.functional.leaky_relu(torch.tensor([-1, 2]))
    assert jax.nn.relu(np.array([-1, 2], dtype=np.int32)).dtype == np.int32
    assert jax.nn.leaky_relu(np.array([-1, 2], dtype=np.int32)).dtype == np.float32
    assert jax.nn.leaky_relu(np.array([-1 + 1j], dtype=np.complex64)).dtype == np.complex64


def test_torch_refuses_the_gradient_of_a_falling_slope_in_place() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError, match="negative slope"):
        torch_slope(lambda x: torch.nn.functional.leaky_relu(x * 1.0, -A, inplace=True), -1.0)


def test_half_precision_rounds_the_slope_in_jax_and_not_in_torch() -> None:
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    x = -np.arange(1, 2000, dtype=np.float16)
    late = (x.astype(np.float32) * np.float32(0.01)).astype(np.float16)
    early = (x.astype(np.float32) * np.float32(np.float16(0.01))).astype(np.float16)
    assert (late != early).any()
    assert np.array_equal(torch.nn.functional.leaky_relu(torch.from_numpy(x)).numpy(), late)
    assert np.array_equal(np.asarray(jax.nn.leaky_relu(x)), early)


def test_torchs_gains_are_not_those_of_unit_variance() -> None:
    torch = pytest.importorskip("torch")
    import leaky

    gain = torch.nn.init.calculate_gain
    for name in ("relu", "leaky_relu"):
        assert gain(name) == pytest.approx(leaky.parse(name).gain)
    assert (gain("tanh"), gain("selu"), gain("sigmoid")) == (5 / 3, 0.75, 1)
    assert [round(leaky.parse(name).gain, 4) for name in ("tanh", "selu", "sigmoid")] == [1.5925, 1.0, 1.8462]
