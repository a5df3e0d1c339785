"""bias_act inside autograd's machinery: any order, transforms, compilers, hooks, AMP."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from bias_act_truth import ALL, CURVES, LINES
from torch import nn
from torch.nn import functional as F
from twins import every_kernel, needs_native, normal, serve

import leaky
from leaky.errors import LeakyError
from leaky.nn.functional import bias_act

LEAKY = "leaky_relu(negative_slope=0.2)"
FORMS = [None, "relu", LEAKY, "elu"]
every_form = pytest.mark.parametrize("name", FORMS, ids=str)


def leaves(
    *shape: int, dtype: torch.dtype = torch.float32, channels: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    bias = normal(shape[channels], seed=7, dtype=dtype)
    return normal(*shape, dtype=dtype).requires_grad_(), bias.requires_grad_()


def plain(
    x: torch.Tensor, bias: torch.Tensor, name: str | None, gain: float, clamp: float | None
) -> torch.Tensor:
    """The usual composition in torch's functions."""
    z = x + bias.view(1, -1, *[1] * (x.dim() - 2))
    steps: dict[str | None, Any] = {
        None: lambda t: t,
        "relu": F.relu,
        LEAKY: partial(F.leaky_relu, negative_slope=0.2),
        "elu": F.elu,
    }
    y = gain * steps[name](z)
    return y if clamp is None else y.clamp(-clamp, clamp)


@every_kernel
@pytest.mark.parametrize("name", ALL, ids=str)
@pytest.mark.parametrize("clamp", [None, 1.1])
def test_gradients_of_first_and_second_order(
    kernel: str, name: str, clamp: float | None, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    x, bias = leaves(3, 2, 5, dtype=torch.float64)
    function = partial(bias_act, activation=name, gain=1.3, clamp=clamp)
    if kernel == "triton":  # whose interpreter takes milliseconds a call
        assert torch.autograd.gradgradcheck(function, (x, bias), fast_mode=True)
        return
    assert torch.autograd.gradcheck(function, (x, bias), check_batched_grad=True)
    assert torch.autograd.gradgradcheck(function, (x, bias))
    assert torch.autograd.gradcheck(lambda t: function(t), x)
    assert torch.autograd.gradcheck(lambda b: function(x.detach(), b), bias)


def _is_served(name: str) -> bool:
    try:
        bias_act(normal(2, 2), activation=name)
    except LeakyError:  # its words are held in test_bias_act
        return False
    return True


def test_every_activation_of_the_catalogue_differentiates_twice() -> None:
    x, bias = leaves(2, 3, 4, dtype=torch.float64)
    served = [name for name in leaky.catalogue if _is_served(name)]
    for name in served:
        function = partial(bias_act, activation=name, gain=0.7, clamp=0.8)
        assert torch.autograd.gradcheck(function, (x, bias)), name
        assert torch.autograd.gradgradcheck(function, (x, bias)), name
    assert {name for name in [*LINES, *CURVES] if name and "(" not in name} <= set(served)


@every_kernel
@every_form
def test_the_third_order(kernel: str, name: str | None, monkeypatch: Any) -> None:
    serve(kernel, monkeypatch)
    x, bias = leaves(3, 2, 9, dtype=torch.float64)
    results = []
    for function in (
        partial(bias_act, activation=name, gain=1.3, clamp=2.0),
        partial(plain, name=name, gain=1.3, clamp=2.0),
    ):
        y = function(x, bias).pow(4).sum()
        first = torch.autograd.grad(y, (x, bias), create_graph=True)
        second = torch.autograd.grad(sum(g.pow(2).sum() for g in first), (x, bias), create_graph=True)
        results.append(
            (*first, *second, *torch.autograd.grad(sum(g.pow(2).sum() for g in second), (x, bias)))
        )
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


@every_kernel
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_orders_agree(kernel: str, dtype: torch.dtype, monkeypatch: Any) -> None:
    """Gradients are the same whether a graph of them is kept or not, given by others or summed up."""
    serve(kernel, monkeypatch)
    for name in (LEAKY, "relu", None):
        x, bias = leaves(4, 6, 40, dtype=dtype)
        grad = normal(4, 6, 40, seed=3, dtype=dtype)
        y = bias_act(x, bias, activation=name, gain=1.3, clamp=1.5)
        plainly = torch.autograd.grad(y, (x, bias), grad, retain_graph=True)
        graphed = torch.autograd.grad(y, (x, bias), grad, create_graph=True)
        for one, other in zip(plainly, graphed, strict=True):
            assert torch.equal(one, other)
        direction = normal(6, seed=4, dtype=dtype)
        (of_bias,) = torch.autograd.grad(y, bias, grad.requires_grad_(), create_graph=True)
        (twice,) = torch.autograd.grad(of_bias, grad, direction)  # the transpose of the sums
        (wanted,) = torch.autograd.grad(y, x, direction.view(1, -1, 1).expand(x.shape))
        assert torch.equal(twice, wanted)


@every_form
@needs_native
def test_several_gradients_at_once(name: str | None) -> None:
    x, bias = leaves(4, 3, 50)
    grads = normal(5, 4, 3, 50, seed=2)
    y = bias_act(x, bias, activation=name, clamp=1.0)
    batched = torch.autograd.grad(y, (x, bias), grads, is_grads_batched=True, retain_graph=True)
    for i, grad in enumerate(grads):
        for found, wanted in zip(
            batched, torch.autograd.grad(y, (x, bias), grad, retain_graph=True), strict=True
        ):
            torch.testing.assert_close(found[i], wanted)


@every_form
def test_vmap_grad_and_forward_mode(name: str | None) -> None:
    x, bias = (t.detach() for t in leaves(4, 3, 7))
    function = partial(bias_act, activation=name, gain=1.3, clamp=1.0)
    torch.testing.assert_close(torch.vmap(function, (0, None))(x[:, None], bias)[:, 0], function(x, bias))
    found = torch.func.grad(lambda t, b: function(t, b).pow(2).sum(), (0, 1))(x, bias)
    leaf, own = x.clone().requires_grad_(), bias.clone().requires_grad_()
    wanted = torch.autograd.grad(function(leaf, own).pow(2).sum(), (leaf, own))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)
    _, tangent = torch.func.jvp(function, (x, bias), (torch.ones_like(x), torch.zeros_like(bias)))
    torch.testing.assert_close(tangent, torch.autograd.grad(function(leaf, own).sum(), leaf)[0])


MORE = ("relu6", "hardtanh", "hardshrink", "hardswish", "mish", "gelu", "celu", "softsign")


@pytest.mark.parametrize("name", sorted({name for name in [*LINES, *CURVES] if name} | set(MORE)))
def test_the_gradient_at_nan_is_the_same_on_every_path(name: str) -> None:
    """Finite for lines, as torch's; NaN for all others, whoever differentiates."""
    torch.compiler.reset()
    x, bias = normal(2, 3, 8), torch.zeros(3)
    x[0, 1, 2] = float("nan")

    def gradients(function: Any) -> tuple[torch.Tensor, ...]:
        leaf, own = x.clone().requires_grad_(), bias.clone().requires_grad_()
        return torch.autograd.grad(function(leaf, own).sum(), (leaf, own))

    def ours(t: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return bias_act(t, b, activation=name, clamp=1.5)

    wanted = gradients(ours)
    assert wanted[0][0, 1, 2].isnan().item() == (name not in LINES)
    assert wanted[0].isnan().sum() == wanted[1].isnan().sum() == (name not in LINES)
    for found in (
        gradients(torch.compile(ours, fullgraph=True, backend="aot_eager")),
        torch.func.grad(lambda t, b: ours(t, b).sum(), (0, 1))(x, bias),
    ):
        torch.testing.assert_close(found, wanted, equal_nan=True)


@every_form
def test_compiled_and_exported_as_one_graph(name: str | None) -> None:
    torch.compiler.reset()
    layer = leaky.nn.BiasAct(3, activation=name, gain=1.3, clamp=1.0)
    nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(0))
    x = normal(4, 3, 50)
    wanted = layer(x)
    for function in (layer, lambda t: bias_act(t, layer.bias, activation=name, gain=1.3, clamp=1.0)):
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        leaf = x.clone().requires_grad_()
        y = compiled(leaf)
        torch.testing.assert_close(y, wanted)
        found = torch.autograd.grad(y.pow(2).sum(), (leaf, layer.bias))
        torch.testing.assert_close(found, torch.autograd.grad(layer(leaf).pow(2).sum(), (leaf, layer.bias)))
    exported = torch.export.export(layer, (x,)).module()
    torch.testing.assert_close(exported(x), wanted)


def test_compiled_by_inductor() -> None:
    torch.compiler.reset()
    compiled = torch.compile(partial(bias_act, activation=LEAKY, gain=2**0.5, clamp=1.0), fullgraph=True)
    x, bias = leaves(4, 3, 50)
    grad = normal(4, 3, 50, seed=2)
    found = torch.autograd.grad(compiled(x, bias), (x, bias), grad)
    wanted = torch.autograd.grad(bias_act(x, bias, activation=LEAKY, gain=2**0.5, clamp=1.0), (x, bias), grad)
    torch.testing.assert_close(found, wanted)


@every_kernel
@every_form
def test_changes_afterwards_are_found_or_harmless(kernel: str, name: str | None, monkeypatch: Any) -> None:
    serve(kernel, monkeypatch)
    x, bias = leaves(4, 3, 50)
    grad = normal(4, 3, 50, seed=2)
    wanted = torch.autograd.grad(bias_act(x * 1, bias, activation=name), (x, bias), grad)
    middle = x * 1
    y = bias_act(middle, bias, activation=name)
    y.mul_(2)
    for found, once in zip(torch.autograd.grad(y, (x, bias), grad, retain_graph=True), wanted, strict=True):
        torch.testing.assert_close(found, 2 * once)
    middle.detach().add_(1)  # the curves keep it, and say so
    if name == "elu":
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            torch.autograd.grad(y, x, grad)
    else:
        torch.testing.assert_close(torch.autograd.grad(y, x, grad)[0], 2 * wanted[0])


@every_kernel
@every_form
def test_kept_tensors_may_go_elsewhere_and_gradients_stay_their_owners(
    kernel: str, name: str | None, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    x, bias = leaves(4, 3, 50)
    grad = normal(4, 3, 50, seed=2)
    kept = grad.clone()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy().copy(), torch.from_numpy):
        y = bias_act(x, bias, activation=name, clamp=1.0)
    found = torch.autograd.grad(y, (x, bias), grad, retain_graph=True)
    assert torch.equal(grad, kept)
    torch.testing.assert_close(
        found, torch.autograd.grad(bias_act(x, bias, activation=name, clamp=1.0), (x, bias), grad)
    )
    torch.autograd.grad(y, x, grad)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(y, x, grad)


@every_form
def test_without_gradients_nothing_is_recorded(name: str | None) -> None:
    x, bias = leaves(4, 3, 50)
    with torch.no_grad():
        assert bias_act(x, bias, activation=name).grad_fn is None
    with torch.inference_mode():
        assert bias_act(x, bias, activation=name).is_inference()
    assert bias_act(x.detach(), bias.detach(), activation=name).grad_fn is None


def test_autocast() -> None:
    """The float32 bias beside a half-precision convolution; the gradient of the bias is float32."""
    for dtype in (torch.bfloat16, torch.float16):
        convolution, layer = nn.Conv2d(3, 8, 3, bias=False), leaky.nn.BiasAct(8, activation=LEAKY, clamp=4.0)
        with torch.autocast("cpu", dtype=dtype):
            y = layer(convolution(normal(2, 3, 9, 9)))
        assert y.dtype == dtype
        y.float().pow(2).sum().backward()
        assert layer.bias.grad is not None
        assert layer.bias.grad.dtype == convolution.weight.grad.dtype == torch.float32  # type: ignore[union-attr]


class _Logged(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is bias_act:
            return kwargs["activation"], kwargs["dim"]
        return super().__torch_function__(function, types, args, kwargs or {})


def test_tensor_subclasses_see_the_call() -> None:
    assert bias_act(normal(2, 3).as_subclass(_Logged), activation="relu", dim=0) == ("relu", 0)
