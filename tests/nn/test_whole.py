"""Tools that read a model instead of running it: torch.fx takes every layer whole, torch.jit.script is told no."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from every_module import ALL, CHANNELS, SHAPE, label, make, normal
from torch import nn

import leaky
from leaky import nn as ours
from leaky.nn import norms
from leaky.nn.compat import mmcv, rosinality, stylegan3

F = ours.functional
LAYERS: dict[str, Callable[[], nn.Module]] = {
    **{f"{name} {label(given)}": lambda name=name, given=given: make(name, given) for name, given in ALL},  # type: ignore[misc]
    **{
        cls.__name__: lambda cls=cls: cls(2, CHANNELS) if "Group" in cls.__name__ else cls(CHANNELS)  # type: ignore[misc]
        for cls in norms.CLASSES
    },
    "norm with a curve": lambda: ours.BatchNormAct2d(CHANNELS, activation="elu"),
    "Dropout": ours.Dropout,
    "BiasAct": lambda: ours.BiasAct(CHANNELS, activation="leaky_relu(negative_slope=0.2)", clamp=1.5),
    "BiasAct of a curve": lambda: ours.BiasAct(CHANNELS, activation=leaky.parse("silu(beta=1.5)"), gain=2),
    "rosinality": lambda: rosinality.FusedLeakyReLU(CHANNELS),
    "rosinality without a bias": lambda: rosinality.FusedLeakyReLU(CHANNELS, bias=False),
    "mmcv": lambda: mmcv.FusedBiasLeakyReLU(CHANNELS),
}
by_torch = {"Sigmoid", "Tanh", "Hardswish", "GELU", "Mish"}
"""Layers whose forward is torch's own, which both tools read."""


def shape_for(layer: nn.Module) -> tuple[int, ...]:
    space = {"1": 1, "3": 3}.get(type(layer).__name__[-2:-1], 2)
    return SHAPE if space == 2 else (3, CHANNELS, *[4] * space)


def results(model: Callable[..., torch.Tensor], x: torch.Tensor, learned: list[Any]) -> list[torch.Tensor]:
    torch.manual_seed(2)
    leaf = x.clone().requires_grad_()
    y = model(leaf)
    return [y.detach(), *torch.autograd.grad(y.square().sum(), [leaf, *learned])]


@pytest.mark.parametrize("name", LAYERS)
def test_a_traced_layer_gives_the_same_in_both_modes(name: str) -> None:
    model = nn.Sequential(LAYERS[name]())
    twin = copy.deepcopy(model)
    x = normal(shape_for(model[0]))
    traced = torch.fx.symbolic_trace(twin)
    (called,) = (node for node in traced.graph.nodes if node.op not in ("placeholder", "output"))
    assert called.op == ("call_function" if type(model[0]).__name__ in by_torch else "call_module")
    for training in (True, False):  # traced in train mode, once
        found, wanted = (results(m.train(training), x, list(m.parameters())) for m in (traced, model))
        for one, other in zip(found, wanted, strict=True):
            assert torch.equal(one, other)
        for one, other in zip(traced.state_dict().values(), model.state_dict().values(), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, w: F.bias_act(x, w, activation="leaky_relu", gain=2.0, clamp=1.0),
        lambda x, w: F.bias_act(x, activation=leaky.parse("leaky_relu(negative_slope=0.3)")),
        lambda x, w: F.bias_act(x, w, activation="gelu", dim=-3),
        lambda x, w: stylegan3.bias_act(x, w, act="lrelu", alpha=0.1),
        lambda x, w: stylegan3.bias_act(x, w, act="swish"),
        lambda x, w: rosinality.fused_leaky_relu(x, w),
        lambda x, w: mmcv.fused_bias_leakyrelu(x, w),
        lambda x, w: F.prelu(x, w),
        lambda x, w: F.rrelu(x, training=True) + w.sum(),
        lambda x, w: F.dropout(F.leaky_relu(x, 0.2) + F.relu6(x)) * F.softplus(w).sum(),
        lambda x, w: F.elu(x) + F.celu(x) + F.selu(x) + F.hardtanh(x) + F.relu(w).sum(),
    ],
    ids=lambda call: None,
)
def test_traced_functions_give_the_same(call: Callable[..., torch.Tensor]) -> None:
    weight = torch.tensor([0.5, -0.25, 0.1, 1.0], requires_grad=True)
    traced = torch.fx.symbolic_trace(call)
    found, wanted = (
        results(lambda x, f=f: f(x, weight) + weight.sum(), normal(), [weight]) for f in (traced, call)
    )
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)


class Scaled(ours.LeakyReLU):
    """A forward around leaky's own."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(input)


def test_a_subclass_with_a_forward_of_its_own_is_stepped_into() -> None:
    traced = torch.fx.symbolic_trace(nn.Sequential(Scaled(0.5)))
    assert traced(torch.tensor([-2.0, 3.0])).tolist() == [-2.0, 6.0]


def test_hooks_run_once() -> None:
    layer = ours.BatchNormAct2d(CHANNELS).eval()
    layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    layer.register_forward_hook(lambda module, args, output: 3 * output)
    model = nn.Sequential(layer)
    assert torch.equal(torch.fx.symbolic_trace(model)(normal()), model(normal()))


def test_traced_models_are_copied_and_pickled() -> None:
    model = nn.Sequential(ours.PReLU(CHANNELS), ours.BiasAct(CHANNELS, activation="selu"), Functional())
    traced = torch.fx.symbolic_trace(model)
    for other in (copy.deepcopy(traced), pickle.loads(pickle.dumps(traced))):
        assert torch.equal(other(normal()), model(normal()))


class Functional(nn.Module):
    """A model that calls functions, with a bias of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.ones(CHANNELS))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return rosinality.fused_leaky_relu(F.bias_act(input, self.bias, activation="softplus"))


def test_a_layer_that_is_all_there_is_to_trace() -> None:
    for layer in (ours.LeakyReLU(0.2), ours.BiasAct(CHANNELS, activation="tanh"), ours.RReLU().eval()):
        assert torch.equal(torch.fx.symbolic_trace(layer)(normal()), layer(normal()))
    for layer in (ours.GroupNormAct(2, CHANNELS), ours.PReLU()):
        kind = type(layer).__name__
        with pytest.raises(torch.fx.proxy.TraceError) as raised:
            torch.fx.symbolic_trace(layer)
        told = f"torch.fx: `root` is a {kind}, which is taken whole: trace torch.nn.Sequential({kind}(...))"
        assert str(raised.value) == told


@pytest.mark.parametrize("name", [name for name in LAYERS if name.split()[0] not in by_torch])
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::FutureWarning")
def test_scripting_is_refused_in_one_line(name: str) -> None:
    layer = LAYERS[name]()
    with pytest.raises(leaky.LeakyError) as raised:
        torch.jit.script(nn.Sequential(nn.Conv2d(3, CHANNELS, 1), layer))
    assert str(raised.value) == (
        f"torch.jit.script: `obj` has a layer it cannot read, {type(layer).__name__} of leaky.nn; "
        "use torch.jit.trace, torch.compile or torch.export"
    )


def bias_act_in_a_function(x: torch.Tensor) -> torch.Tensor:
    return F.bias_act(x)


@pytest.mark.parametrize(
    "function",
    [
        *(getattr(F, name) for name in F.__all__),
        stylegan3.bias_act,
        rosinality.fused_leaky_relu,
        mmcv.fused_bias_leakyrelu,
        bias_act_in_a_function,
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::FutureWarning")
def test_scripting_a_function_is_refused_in_one_line(function: Callable[..., torch.Tensor]) -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.jit.script(function)
    assert str(raised.value) == (
        f"TorchScript error: it cannot read {function.__name__.removesuffix('_in_a_function')} of leaky.nn; "
        "use torch.jit.trace, torch.compile or torch.export"
    )
