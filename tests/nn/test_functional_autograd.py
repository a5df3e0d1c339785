"""Leaky ReLU and ReLU inside autograd's machinery: versions, repeated and nested backward, transforms, AMP."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from twins import both_ways, every_kernel, needs_native, normal, same_bits, serve

import leaky
from leaky.kernels.select import SMALL

Function = Callable[..., torch.Tensor]
_SLOPES = {"leaky": 0.1, "negative": -0.3}
OURS: dict[str, tuple[Function, Function]] = {"relu": (leaky.nn.functional.relu, F.relu)} | {
    name: (
        functools.partial(leaky.nn.functional.leaky_relu, negative_slope=slope),
        functools.partial(F.leaky_relu, negative_slope=slope),
    )
    for name, slope in _SLOPES.items()
}
every_function = pytest.mark.parametrize(("ours", "torchs"), OURS.values(), ids=OURS)
COUNT = 2 * SMALL + 3


@needs_native
@every_function
def test_a_later_change_of_the_output_works_as_in_torch(ours: Function, torchs: Function) -> None:
    x = normal(COUNT)

    def changed(function: Function) -> Function:
        def run(t: torch.Tensor) -> torch.Tensor:
            y = function(t)
            y += t.detach()
            y *= 2
            return y

        return run

    leaky_torchs = torchs if torchs is not F.relu else functools.partial(F.leaky_relu, negative_slope=0.0)
    for found, expected in zip(
        both_ways(changed(ours), x, x), both_ways(changed(leaky_torchs), x, x), strict=True
    ):
        assert torch.equal(found, expected)  # torch's relu keeps its output, and raises


def test_without_the_native_kernels_a_later_change_is_found(monkeypatch: Any) -> None:
    serve("plain", monkeypatch)
    x = normal(COUNT).requires_grad_()
    y = leaky.nn.functional.leaky_relu(x, 0.1)
    y += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    y = leaky.nn.functional.leaky_relu(x, -0.3)  # keeps bytes, not its output
    y += 1
    y.sum().backward()
    assert torch.equal(x.grad, torch.where(x > 0, 1.0, -0.3))  # type: ignore[arg-type]


@every_kernel
@every_function
@pytest.mark.parametrize("count", [10, COUNT])
def test_versions(kernel: str, ours: Function, torchs: Function, count: int, monkeypatch: Any) -> None:
    serve(kernel, monkeypatch)
    leaf = normal(count).requires_grad_()
    middle = leaf * 1
    before = middle.detach().clone()
    y = ours(middle)
    assert y is not middle
    assert (middle._version, leaf._version, y._version) == (0, 0, 0)
    y.sum().backward()
    assert torch.equal(middle, before)
    z = ours(middle, inplace=True)
    assert z is middle
    assert middle._version > 0
    assert torch.equal(z, y)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        ours(leaf, inplace=True)


@needs_native
@every_function
def test_a_leaf_that_in_place_is_refused_keeps_its_numbers(ours: Function, torchs: Function) -> None:
    leaf = normal(COUNT).requires_grad_()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        ours(leaf, inplace=True)
    assert torch.equal(leaf, normal(COUNT))


@every_kernel
@every_function
def test_writing_over_what_another_operation_kept_is_found(
    kernel: str, ours: Function, torchs: Function, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    middle = normal(COUNT).requires_grad_().exp()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        ours(middle, inplace=True).sum().backward()


@every_kernel
@every_function
@pytest.mark.parametrize("inplace", [False, True])
def test_backward_again(
    kernel: str, ours: Function, torchs: Function, inplace: bool, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    x = normal(COUNT).requires_grad_()
    y = ours(x * 1, inplace=inplace)
    y.sum().backward(retain_graph=True)
    once = x.grad.clone()  # type: ignore[union-attr]
    y.sum().backward()
    assert torch.equal(x.grad, 2 * once)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.sum().backward()


@every_kernel
@every_function
@pytest.mark.parametrize("inplace", [False, True])
def test_an_output_used_twice_and_the_input_beside_it(
    kernel: str, ours: Function, torchs: Function, inplace: bool, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    x = normal(COUNT, dtype=torch.float64)

    def twice(function: Function, **more: Any) -> Function:
        def run(t: torch.Tensor) -> torch.Tensor:
            y = function(t * 1, **more)
            return y * y + function(y * 2, **more) + t

        return run

    more = {"inplace": inplace}
    for found, expected in zip(
        both_ways(twice(ours, **more), x, x), both_ways(twice(torchs), x, x), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-14)


@every_kernel
@every_function
@pytest.mark.parametrize("inplace", [False, True])
def test_retain_graph_two_double_backwards_and_a_third(
    kernel: str, ours: Function, torchs: Function, inplace: bool, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    x = normal(COUNT, dtype=torch.float64).requires_grad_()
    results = []
    for function, more in ((ours, {"inplace": inplace}), (torchs, {})):
        y = function(x * 1, **more).pow(3).sum()
        (first,) = torch.autograd.grad(y, x, create_graph=True)
        one = torch.autograd.grad(first.pow(2).sum(), x, retain_graph=True)[0]
        two = torch.autograd.grad(first.pow(2).sum(), x, create_graph=True)[0]
        third = torch.autograd.grad(two.sum(), x)[0]
        assert torch.equal(one, two)
        results.append((first, one, third))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


@every_kernel
@every_function
def test_double_backward_of_an_expanded_gradient(
    kernel: str, ours: Function, torchs: Function, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    x = normal(90, 70, dtype=torch.float64).t().requires_grad_()
    results = []
    for function in (ours, torchs):
        weight = torch.ones((), dtype=torch.float64, requires_grad=True)
        (first,) = torch.autograd.grad(function(x), x, weight.expand(x.shape), create_graph=True)
        results.append(torch.autograd.grad((first * x).sum(), (weight, x)))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


@every_function
def test_nothing_is_recorded_where_nothing_learns(ours: Function, torchs: Function) -> None:
    x = normal(COUNT)
    assert ours(x).grad_fn is None
    assert ours(x.clone(), inplace=True).grad_fn is None
    with torch.inference_mode():
        assert ours(x).is_inference()


@every_function
def test_saved_tensors_may_go_elsewhere_and_come_back(ours: Function, torchs: Function) -> None:
    x = normal(90, 70).t()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy().copy(), torch.from_numpy):
        found = both_ways(ours, x, x)
    assert same_bits(found[1], both_ways(torchs, x, x)[1])


@every_function
def test_vmap_and_func_grad(ours: Function, torchs: Function) -> None:
    x = normal(8, SMALL)
    slopes = both_ways(torchs, x, torch.ones_like(x))[1]
    assert torch.equal(torch.vmap(ours)(x), torchs(x))
    gradient = torch.func.grad(lambda t: ours(t).sum())
    assert torch.equal(gradient(x), slopes)
    assert torch.equal(torch.vmap(gradient)(x), slopes)
    leaf = x.clone().requires_grad_()  # inside of the transform, outside of it
    torch.vmap(ours)(leaf).sum().backward()
    assert torch.equal(leaf.grad, slopes)  # type: ignore[arg-type]
    value, tangent = torch.func.jvp(ours, (x,), (torch.ones_like(x),))
    assert torch.equal(value, torchs(x))
    assert torch.equal(tangent, slopes)
    assert torch.func.jacrev(lambda t: ours(t)[0, :3])(x).shape == (3, 8, SMALL)


@every_function
@needs_native
def test_several_gradients_at_once(ours: Function, torchs: Function) -> None:
    x, grads = normal(COUNT).requires_grad_(), normal(3, COUNT)
    results = [torch.autograd.grad(f(x), x, grads, is_grads_batched=True)[0] for f in (torchs, ours)]
    assert torch.equal(*results)


@needs_native
def test_a_vectorised_jacobian() -> None:
    def function(t: torch.Tensor) -> torch.Tensor:
        return leaky.nn.functional.leaky_relu(t, 0.1)[:3]

    x = normal(COUNT)
    jacobian = torch.autograd.functional.jacobian
    assert torch.equal(jacobian(function, x, vectorize=True), jacobian(function, x))


@every_function
def test_forward_mode(ours: Function, torchs: Function) -> None:
    x = normal(COUNT)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        tangents = [torch.autograd.forward_ad.unpack_dual(f(dual)).tangent for f in (ours, torchs)]
    assert torch.equal(*tangents)


@every_function
@needs_native
def test_forward_mode_over_reverse_mode(ours: Function, torchs: Function) -> None:
    x = normal(COUNT).requires_grad_()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        tangents = [torch.autograd.forward_ad.unpack_dual(f(dual)).tangent for f in (torchs, ours)]
    assert torch.equal(*tangents)


@every_function
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing(ours: Function, torchs: Function, inplace: bool, reentrant: bool) -> None:
    x = normal(COUNT)
    found = both_ways(
        lambda t: checkpoint(lambda t: ours(t * 2, inplace=inplace), t, use_reentrant=reentrant), x, x
    )
    for one, other in zip(found, both_ways(lambda t: torchs(t * 2), x, x), strict=True):
        assert torch.equal(one, other)


COMPILED = {
    "relu": (leaky.nn.ReLU(), F.relu),
    "relu in place": (leaky.nn.ReLU(inplace=True), F.relu),
    "leaky": (leaky.nn.LeakyReLU(0.1), functools.partial(F.leaky_relu, negative_slope=0.1)),
    "leaky in place": (leaky.nn.LeakyReLU(0.1, True), functools.partial(F.leaky_relu, negative_slope=0.1)),
    "negative": (leaky.nn.LeakyReLU(-0.3), functools.partial(F.leaky_relu, negative_slope=-0.3)),
}


@pytest.mark.parametrize(("module", "torchs"), COMPILED.values(), ids=COMPILED)
def test_compiled_as_one_graph(module: nn.Module, torchs: Function) -> None:
    x = normal(COUNT)
    compiled = torch.compile(lambda t: module(t * 2), fullgraph=True, backend="aot_eager")
    for one, other in zip(both_ways(compiled, x, x), both_ways(lambda t: torchs(t * 2), x, x), strict=True):
        assert torch.equal(one, other)


def test_compiled_in_place_with_a_negative_slope() -> None:
    x = normal(COUNT)
    module = leaky.nn.LeakyReLU(-0.3, inplace=True)
    compiled = torch.compile(lambda t: module(t * 2), fullgraph=True, backend="aot_eager")
    found, expected = both_ways(compiled, x, x), both_ways(lambda t: F.leaky_relu(t * 2, -0.3), x, x)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU"])
def test_autocast_gives_torchs_dtype_and_bits(dtype: torch.dtype, name: str) -> None:
    results = []
    for module in (getattr(leaky.nn, name)(), getattr(nn, name)()):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 256), module, nn.Linear(256, 3))
        with torch.autocast("cpu", dtype=dtype):
            y = model(normal(64, 64))
        assert y.dtype == dtype
        y.float().pow(2).sum().backward()
        results.append([y, *(p.grad for p in model.parameters())])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


@every_kernel
@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU"])
@pytest.mark.parametrize("inplace", [False, True])
def test_fifty_steps_are_the_plain_models(kernel: str, name: str, inplace: bool, monkeypatch: Any) -> None:
    """The same bits both ways, so the same losses to the last."""
    serve(kernel, monkeypatch)
    x, y = normal(16, 3, 8, 8), torch.arange(16) % 4
    curves = []
    for module in (getattr(leaky.nn, name), getattr(nn, name)):
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for channels in (3, 8, 8):
            layers += [nn.Conv2d(channels, 8, 3, padding=1), module(inplace=inplace)]
        network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 64, 4))
        optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
        curve = []
        for _ in range(50):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
        curves.append(curve)
    assert curves[0] == curves[1]
    assert curves[0][-1] < 0.5 * curves[0][0]


def test_hooks_of_modules_and_tensors_fire() -> None:
    module, seen = leaky.nn.LeakyReLU(0.1), []
    module.register_forward_pre_hook(lambda *_: seen.append("before"))
    module.register_forward_hook(lambda *_: seen.append("after"))
    module.register_full_backward_hook(lambda m, into, out: seen.append((into[0].shape, out[0].shape)))
    x = normal(COUNT).requires_grad_()
    y = module(x)
    y.register_hook(lambda grad: 3 * grad)
    y.sum().backward()
    assert seen == ["before", "after", (x.shape, x.shape)]
    assert torch.equal(x.grad, torch.where(x > 0, 3.0, 3.0 * 0.1))  # type: ignore[arg-type]
