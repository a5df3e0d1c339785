"""Layers that keep less: torch's values and gradients on special numbers, layouts and sizes, and the bytes kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from layer_table import COUNT, LAYERS, Layer, every_layer, in_place
from twins import DTYPES, both_ways, every_kernel, needs_native, normal, same_bits, serve, special

from leaky.kernels.select import SMALL
from leaky.models import saved_bytes


def crossed(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and gradients: every special number with every other, the ends, random ones between, an odd size."""
    ends = torch.tensor([6.0, 5.29, 0.1, -0.3, -1.0, 1.0, -8.0, -17.0, 21.0], dtype=torch.float64).to(dtype)
    x = torch.cat([special(dtype), ends])
    pairs = [x.repeat_interleave(len(x)), normal(COUNT, dtype=dtype)]
    grads = [x.repeat(len(x)), normal(COUNT, seed=1, dtype=dtype)]
    return torch.cat(pairs), torch.cat(grads)


def assert_same(
    found: tuple[torch.Tensor, ...],
    wanted: tuple[torch.Tensor, ...],
    x: torch.Tensor,
    grad: torch.Tensor,
    layer: Layer,
) -> None:
    """The same values; the same gradients, or where they come from a rounded output a few units of 1 off."""
    assert same_bits(found[0], wanted[0])
    known = ~x.isnan() if layer.at_nan else torch.ones_like(x, dtype=torch.bool)
    if layer.exact or (layer.exact_in_half and x.dtype.itemsize == 2):
        assert same_bits(found[1][known], wanted[1][known])
        return
    known = grad.isfinite() & wanted[1].isfinite()  # infinity times a slope of 0, and not of 1e-9, is NaN
    off = (found[1].double() - wanted[1].double()).abs()[known]
    few = 8 * torch.finfo(x.dtype).eps
    assert bool((off <= few * grad.double().abs()[known] + torch.finfo(x.dtype).tiny).all())
    assert bool((wanted[1].isnan() | ~found[1].isnan())[grad.isfinite()].all())


@every_kernel
@every_layer
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_values_and_gradients_are_torchs(
    kernel: str, layer: Layer, dtype: torch.dtype, monkeypatch: Any
) -> None:
    if kernel == "triton" and not layer.in_triton:
        pytest.skip("torch's own operations serve it from the output")
    serve(kernel, monkeypatch)
    x, grad = crossed(dtype)
    for part in (slice(None), slice(17)):  # a small tensor takes torch's own operation
        for inplace in (False, True) if layer.inplace else (False,):
            more = {"inplace": True} if inplace else {}
            theirs = more if layer.keeps >= 1 else {}  # in place torch takes the slope from the output too
            wanted = both_ways(lambda t, more=theirs: layer.torchs(t, **more), x[part], grad[part])
            found = both_ways(lambda t, more=more: layer.ours(t, **more), x[part], grad[part])
            assert_same(found, wanted, x[part], grad[part], layer)
            nan = x[part].isnan()
            if kernel != "plain" and len(x[part]) >= SMALL and layer.at_nan:
                assert same_bits(found[1][nan], grad[part][nan])


@every_layer
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_too(layer: Layer, mode: Any) -> None:
    x, _ = crossed(torch.float32)
    with mode():
        assert same_bits(layer.ours(x), layer.torchs(x))
        y = layer.ours(x.clone().requires_grad_())
        assert y.grad_fn is None


@in_place
def test_over_its_input_without_gradients(layer: Layer) -> None:
    x, _ = crossed(torch.float32)
    wanted = layer.torchs(x)
    assert layer.ours(x, inplace=True) is x
    assert same_bits(x, wanted)


@needs_native
@every_layer
def test_what_is_kept(layer: Layer) -> None:
    x = torch.randn(64, 1000, requires_grad=True)
    kept = saved_bytes(lambda: layer.ours(x * 1)) - saved_bytes(lambda: x * 1)
    assert kept <= layer.keeps * x.numel() + 8


LAYOUTS: dict[str, Callable[[], torch.Tensor]] = {
    "transposed": lambda: torch.randn(70, 90).t(),
    "channels_last": lambda: torch.randn(2, 8, 20, 20).to(memory_format=torch.channels_last),
    "sliced": lambda: torch.randn(200, 90)[::2, 1::2],
    "expanded": lambda: torch.randn(1, 90).expand(100, 90),
    "permuted": lambda: torch.randn(10, 30, 40).permute(2, 0, 1),
    "offset": lambda: torch.randn(5001)[1:],
}


@every_layer
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", ["same", "contiguous", "expanded", "reversed"])
def test_layouts_and_gradients_of_another_layout(layer: Layer, layout: str, other: str) -> None:
    torch.manual_seed(0)
    x = 3 * LAYOUTS[layout]()
    grads = {
        "same": torch.randn_like(x),
        "contiguous": torch.randn(x.shape),
        "expanded": torch.randn(()).expand(x.shape),
        "reversed": torch.randn(x.shape[::-1]).permute(*reversed(range(x.dim()))),
    }
    before = x.clone()
    results = []
    for function in (layer.torchs, layer.ours):
        leaf = x.detach().requires_grad_()  # an expanded leaf too
        y = function(leaf)
        (gradient,) = torch.autograd.grad(y, leaf, grads[other])
        results.append((y.detach(), gradient, y.stride()))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(
        results[1][1], results[0][1], rtol=1e-5 * (not layer.exact), atol=1e-6 * (not layer.exact)
    )
    assert results[0][2] == results[1][2]
    assert torch.equal(x, before)


@in_place
@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"expanded"}))
def test_layouts_in_place(layer: Layer, layout: str) -> None:
    """Over a view: its base is written, the rest of the base is not, and gradients go through both."""
    torch.manual_seed(0)
    x = 3 * LAYOUTS[layout]()
    base = x._base if x._base is not None else x
    results = []
    for function, inplace in ((layer.ours, True), (layer.torchs, False)):
        leaf = base.clone().requires_grad_()
        whole = leaf * 1
        view = whole.as_strided(x.shape, x.stride(), x.storage_offset())
        if inplace:
            assert function(view, inplace=True) is view
        else:
            view.copy_(function(view.clone()))
        weight = torch.arange(whole.numel()).reshape(whole.shape) % 7 - 3.0
        (whole * weight).sum().backward()
        results.append((whole.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])


SIZES = [(), (0,), (1,), (7,), (1023,), (65537,), (0, 5000), (5000, 1), (601, 7), (3, 65537)]


@every_layer
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_sizes(layer: Layer, shape: tuple[int, ...], monkeypatch: Any) -> None:
    x, grad = 3 * normal(*shape), normal(*shape, seed=1)
    found, wanted = both_ways(layer.ours, x, grad), both_ways(layer.torchs, x, grad)
    assert torch.equal(found[0], wanted[0])
    torch.testing.assert_close(found[1], wanted[1], rtol=1e-5, atol=1e-6)


@every_layer
def test_gradcheck_twice(layer: Layer) -> None:
    x = normal(SMALL + 1, dtype=torch.float64) * 2
    for kink in (0.0, 0.1, -0.3, 1.0, -1.0, 5.29, 6.0):
        x = torch.where((x - kink).abs() < 0.01, kink + 0.02, x)
    leaf = x.requires_grad_()

    def function(t: torch.Tensor) -> torch.Tensor:
        return layer.ours(t * 1) * t  # differs from its own tangent, so that the second derivative is not 0

    assert torch.autograd.gradcheck(function, leaf, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, leaf, fast_mode=True)


def test_the_table_has_layers() -> None:
    assert len({layer.name for layer in LAYERS}) == len(LAYERS) > 3
