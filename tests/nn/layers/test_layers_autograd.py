"""Layers that keep less, inside autograd's machinery: versions, nested backward, transforms, hooks, compilers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from layer_table import COUNT, Function, Layer, every_layer, in_place
from torch.utils.checkpoint import checkpoint
from twins import both_ways, needs_native, normal, same_bits

import leaky
from leaky.kernels.select import SMALL


def close(found: Any, wanted: Any) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


@needs_native
@every_layer
def test_views_whose_sign_is_still_to_be_changed(layer: Layer) -> None:
    """As imaginary parts of conjugates are: their memory holds the negative numbers."""
    x, grad = normal(COUNT), normal(COUNT).flip(0)

    def of_view(t: torch.Tensor) -> torch.Tensor:
        return layer.ours(torch._neg_view(t))

    close(both_ways(of_view, x, grad), both_ways(lambda t: layer.torchs(-t), x, grad))
    close(both_ways(layer.ours, x, torch._neg_view(grad)), both_ways(layer.torchs, x, -grad))


@needs_native
@every_layer
def test_a_later_change_of_the_output_works_or_raises(layer: Layer) -> None:
    """Where bits are kept the output may change; where the output is, torch's version check says so."""
    x = normal(COUNT)

    def run(function: Function) -> tuple[torch.Tensor, torch.Tensor]:
        def changed(t: torch.Tensor) -> torch.Tensor:
            y = function(t)
            y += t.detach()
            y *= 2
            return y

        return both_ways(changed, x, x)

    if layer.keeps < 1 or layer.keeps_input:
        close(run(layer.ours), run(layer.torchs))
    else:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            run(layer.ours)


@in_place
def test_versions(layer: Layer) -> None:
    leaf = normal(COUNT).requires_grad_()
    middle = leaf * 1
    before = middle.detach().clone()
    y = layer.ours(middle)
    assert (middle._version, leaf._version, y._version) == (0, 0, 0)
    y.sum().backward()
    assert torch.equal(middle, before)
    z = layer.ours(middle, inplace=True)
    assert z is middle
    assert middle._version > 0
    assert torch.equal(z, y)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        layer.ours(leaf, inplace=True)
    assert torch.equal(leaf, normal(COUNT))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        layer.ours(leaf.exp(), inplace=True).sum().backward()


@every_layer
def test_retain_graph_two_double_backwards_and_a_third(layer: Layer) -> None:
    x = normal(COUNT, dtype=torch.float64).requires_grad_()
    results = []
    for function in (layer.ours, layer.torchs):
        y = function(x * 1).pow(3).sum()
        (first,) = torch.autograd.grad(y, x, create_graph=True)
        one = torch.autograd.grad(first.pow(2).sum(), x, retain_graph=True)[0]
        two = torch.autograd.grad(first.pow(2).sum(), x, create_graph=True)[0]
        third = torch.autograd.grad(two.sum(), x)[0]
        assert torch.equal(one, two)
        results.append((first, one, third))
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-8)


@every_layer
def test_backward_again(layer: Layer) -> None:
    x = normal(COUNT).requires_grad_()
    y = layer.ours(x * 1)
    y.sum().backward(retain_graph=True)
    assert x.grad is not None
    once = x.grad.clone()
    y.sum().backward()
    assert torch.equal(x.grad, 2 * once)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.sum().backward()


@every_layer
def test_saved_tensors_may_go_elsewhere_and_come_back(layer: Layer) -> None:
    x = normal(90, 70).t()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().numpy().copy(), torch.from_numpy):
        found = both_ways(layer.ours, x, x)
    close(found[1], both_ways(layer.torchs, x, x)[1])


@every_layer
def test_transforms(layer: Layer) -> None:
    x = normal(8, SMALL)
    slopes = both_ways(layer.torchs, x, torch.ones_like(x))[1]
    assert torch.equal(torch.vmap(layer.ours)(x), layer.torchs(x))
    gradient = torch.func.grad(lambda t: layer.ours(t).sum())
    close(gradient(x), slopes)
    close(torch.vmap(gradient)(x), slopes)
    value, tangent = torch.func.jvp(layer.ours, (x,), (torch.ones_like(x),))
    assert torch.equal(value, layer.torchs(x))
    close(tangent, slopes)


@every_layer
@needs_native
def test_several_gradients_at_once_and_forward_mode(layer: Layer) -> None:
    x, grads = normal(COUNT).requires_grad_(), normal(3, COUNT)
    results = [
        torch.autograd.grad(f(x), x, grads, is_grads_batched=True)[0] for f in (layer.torchs, layer.ours)
    ]
    close(results[1], results[0])
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        tangents = [
            torch.autograd.forward_ad.unpack_dual(f(dual)).tangent for f in (layer.torchs, layer.ours)
        ]
    close(tangents[1], tangents[0])


@every_layer
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing(layer: Layer, reentrant: bool) -> None:
    x = normal(COUNT)
    found = both_ways(lambda t: checkpoint(lambda t: layer.ours(t * 2), t, use_reentrant=reentrant), x, x)
    close(found, both_ways(lambda t: layer.torchs(t * 2), x, x))


@every_layer
def test_compiled_as_one_graph(layer: Layer) -> None:
    torch.compiler.reset()
    x = normal(COUNT)
    compiled = torch.compile(lambda t: layer.ours(t * 2), fullgraph=True, backend="aot_eager")
    close(both_ways(compiled, x, x), both_ways(lambda t: layer.torchs(t * 2), x, x))


@every_layer
def test_gradients_given_are_not_written_over(layer: Layer) -> None:
    x, grad = normal(COUNT), normal(COUNT, seed=1)
    before = grad.clone()
    first = both_ways(layer.ours, x, grad)
    assert torch.equal(grad, before)
    leaf = x.clone().requires_grad_()
    (layer.ours(leaf) * 1 + 0).backward(grad)  # a gradient that nobody else holds may be
    assert leaf.grad is not None
    assert same_bits(leaf.grad, first[1])


def test_softplus_compiled_once_for_betas_that_change() -> None:
    """From the second on, a compiler makes the number a symbol."""
    torch.compiler.reset()
    x = normal(COUNT)
    for beta in (1.0, 2.0, 0.5):
        compiled = torch.compile(leaky.nn.Softplus(beta), fullgraph=True, backend="aot_eager")
        close(both_ways(compiled, x, x), both_ways(torch.nn.Softplus(beta), x, x))


@needs_native
@pytest.mark.parametrize("beta", [1e-5, 1e-4, 1e-3])
def test_softplus_that_overflows_in_half_precision(beta: float) -> None:
    x = normal(COUNT).half() * 1000
    found = both_ways(lambda t: leaky.nn.functional.softplus(t, beta), x, torch.ones_like(x))
    torch.testing.assert_close(
        found, both_ways(lambda t: torch.nn.functional.softplus(t, beta), x, torch.ones_like(x))
    )
