"""Automatic differentiation through every entry gives the entry's derivative; twice, it gives the second one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from contract_libraries import LIBRARIES, Library, opened
from contract_numbers import FORMATS, numbers, precision
from contract_table import ROWS, row

import leaky

NAMES = list(ROWS)
ULPS = 8
"""Between two roundings of the same derivative, each a few operations long."""


def _agrees(
    name: str, dtype: str, library: Library, x: Sequence[float], got: Any, setting: dict[str, Any]
) -> None:
    entry, known, kept = leaky.catalogue[name], row(name), np.isfinite(x)
    x, got = np.array(x)[kept], got[kept]
    wanted = library.read(entry.derivative(library.array(x, dtype), **setting))
    eps = 2.0 ** (1 - FORMATS[dtype].digits)
    # Inputs of half precision are differentiated in float32: what cancels there is smaller by as much.
    floor = known.autodiff_floor * 2.0 ** (1 - FORMATS[precision(dtype, entry.piecewise_linear)].digits)
    allowed = ULPS * eps * np.abs(wanted) + 4 * floor + 8 * FORMATS[dtype].smallest_normal
    with np.errstate(invalid="ignore"):
        off = np.where(got == wanted, 0, np.abs(got - wanted))
    worst = int(np.argmax(off / allowed))
    assert np.all(off <= allowed), f"{name}'({x[worst]}, {setting}): {got[worst]}, not {wanted[worst]}"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_torch_autograd_is_the_derivative(name: str, dtype: str) -> None:
    x = numbers(dtype)
    with opened("torch") as library:
        for setting in row(name).settings:
            tensor = library.array(x, dtype).requires_grad_()
            getattr(leaky, name)(tensor, **setting).sum().backward()
            assert tensor.grad.dtype == tensor.dtype
            _agrees(name, dtype, library, x, library.read(tensor.grad), setting)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_jax_gradients_are_the_derivative(name: str, dtype: str) -> None:
    with opened("jax") as library:
        import jax

        x = numbers(dtype, subnormals=dtype not in library.flushes)
        array = library.array(x, dtype)
        first, *more = row(name).settings
        if dtype == "float32":  # a second to compile for each; the others take one operation at a time
            compiled = jax.jit(jax.vmap(jax.grad(partial(getattr(leaky, name), **first))))
            _agrees(name, dtype, library, x, library.read(compiled(array)), first)
        for setting in more if dtype == "float32" else (first,):
            eager = jax.grad(lambda z, setting=setting: getattr(leaky, name)(z, **setting).sum())
            _agrees(name, dtype, library, x, library.read(eager(array)), setting)


@pytest.mark.parametrize("name", NAMES)
def test_jax_jit_gives_the_same_values(name: str) -> None:
    with opened("jax") as library:
        import jax

        x = library.array(numbers("float64", subnormals=False), "float64")
        function = getattr(leaky, name)
        plain = library.read(function(x))
        known = row(name)  # XLA may fuse a product and a sum
        allowed = {"rtol": max(1e-15, known.ulps * 2.0**-52), "atol": known.floor * 2.0**-51 + 1e-300}
        np.testing.assert_allclose(library.read(jax.jit(function)(x)), plain, **allowed)


@pytest.mark.parametrize("name", NAMES)
def test_torch_differentiates_twice(name: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([-20.0, -3.3, -1.1, -0.2, 0.3, 0.9, 2.6, 30.0], dtype=torch.float64, requires_grad=True)
    for setting in row(name).settings:
        function = partial(getattr(leaky, name), **setting)
        assert torch.autograd.gradcheck(function, (x,))
        assert torch.autograd.gradgradcheck(function, (x,))


CURVATURES = {  # f''(0); 0 for the odd ones
    "softplus": 0.25,
    "celu": 1.0,  # from the left
    "gelu": math.sqrt(2 / math.pi),
    "silu": 0.5,
    "mish": 0.64,
    "pade": None,  # a matter of its coefficients
}


@pytest.mark.parametrize("name", [n for n in NAMES if not leaky.catalogue[n].kinks and n != "squared_relu"])
def test_torch_second_derivatives_at_zero_and_far_out(name: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([0.0, -0.0, 1e4, -1e4, 1e300, -1e300], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(getattr(leaky, name)(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    curvature = CURVATURES.get(name, 0.0)
    if curvature is not None:
        assert second.tolist()[:2] == pytest.approx([curvature, curvature], abs=1e-14)
    assert second.tolist()[2:] == pytest.approx([0, 0, 0, 0], abs=1e-11)


@pytest.mark.parametrize("library", ["torch", "jax"], indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_no_gradient_is_nan_at_the_infinities(name: str, library: Library) -> None:
    ends = [-math.inf, math.inf]
    x = library.array(ends, "float64")
    wanted = library.read(leaky.catalogue[name].derivative(x))
    if library is LIBRARIES["torch"]:
        getattr(leaky, name)(x.requires_grad_()).sum().backward()
        got = x.grad
    else:
        import jax

        got = jax.grad(lambda z: getattr(leaky, name)(z).sum())(x)
    np.testing.assert_allclose(library.read(got), wanted, atol=1e-15)
