"""Every keyword torch.nn takes is taken here, under its name, in its place, with its default."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from twins import SHAPES, normal, serve

import leaky
from leaky.kernels import native

NORMS = [(kind, dim) for kind in ("BatchNorm", "InstanceNorm") for dim in (1, 2, 3)]
every_norm = pytest.mark.parametrize(("kind", "dim"), NORMS)
# What each keyword of the norms may be, the default aside.
GIVEN: dict[str, list[Any]] = {
    "eps": [1e-2, 1e-12],
    "momentum": [None, 0.0, 1.0, 0.7],
    "affine": [True, False],
    "track_running_stats": [True, False],
    "bias": [False],
    "device": ["cpu", torch.device("cpu"), None],
    "dtype": [torch.float64, torch.bfloat16, None],
}


@pytest.fixture(autouse=True)
def leaky_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some inputs here no native kernel takes."""
    serve(None, monkeypatch)


def parameters(made: Any) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(made).parameters.values()]


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU"])
def test_activations_have_torchs_signature(name: str) -> None:
    assert parameters(getattr(leaky.nn, name)) == parameters(getattr(nn, name))


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_functions_have_torchs_signature(name: str) -> None:
    assert parameters(getattr(leaky.nn.functional, name)) == parameters(getattr(F, name))


@every_norm
def test_norms_have_torchs_signature_and_the_activation(kind: str, dim: int) -> None:
    ours, torchs = getattr(leaky.nn, f"{kind}Act{dim}d"), getattr(nn, f"{kind}{dim}d")
    activation = ("activation", inspect.Parameter.KEYWORD_ONLY, "leaky_relu(negative_slope=0.01)")
    assert parameters(ours) == [*parameters(torchs), activation]
    unknown = {name for name, _, _ in parameters(torchs)} - GIVEN.keys() - {"num_features"}
    assert not unknown, "torch has new keywords: say here what they may be"


@pytest.mark.parametrize("name", ["GroupNorm", "SyncBatchNorm"])
def test_other_norms_have_torchs_signature_and_the_activation(name: str) -> None:
    activation = ("activation", inspect.Parameter.KEYWORD_ONLY, "leaky_relu(negative_slope=0.01)")
    assert parameters(getattr(leaky.nn, f"{name}Act")) == [*parameters(getattr(nn, name)), activation]


@every_norm
def test_every_keyword_does_what_it_does_in_torch(kind: str, dim: int) -> None:
    ours, torchs = getattr(leaky.nn, f"{kind}Act{dim}d"), getattr(nn, f"{kind}{dim}d")
    for name in (name for name, _, _ in parameters(torchs) if name in GIVEN):
        for value in GIVEN[name]:
            more = {"affine": True, name: value} if name == "bias" else {name: value}
            mine, twin = ours(5, **more), torchs(5, **more)
            assert repr(mine) == repr(twin).replace(f"{kind}{dim}d", f"{kind}Act{dim}d")[:-1] + (
                ", activation=leaky_relu(negative_slope=0.01))"
            )
            for key in ("eps", "momentum", "affine", "track_running_stats", "num_features"):
                assert getattr(mine, key) == getattr(twin, key)
            states = mine.state_dict(), twin.state_dict()
            assert [(k, v.shape, v.dtype) for k, v in states[0].items()] == [
                (k, v.shape, v.dtype) for k, v in states[1].items()
            ]
            x = normal(*SHAPES[dim], dtype=value if name == "dtype" and value else torch.float32)
            near = {"rtol": 2e-2, "atol": 1e-2} if x.dtype == torch.bfloat16 else {"rtol": 1e-5, "atol": 1e-5}
            for _ in range(2):
                torch.testing.assert_close(mine(x), F.leaky_relu(twin(x), 0.01), **near)
            for one, other in zip(mine.buffers(), twin.buffers(), strict=True):
                torch.testing.assert_close(one, other)


@every_norm
def test_arguments_by_position_and_on_another_device(kind: str, dim: int) -> None:
    made = getattr(leaky.nn, f"{kind}Act{dim}d")
    layer = made(5, 1e-3, 0.2, True, True, "meta", torch.float64, activation="relu")
    assert (layer.num_features, layer.eps, layer.momentum) == (5, 1e-3, 0.2)
    assert {(t.device.type, t.dtype) for t in (layer.weight, layer.running_var)} == {("meta", torch.float64)}
    x = torch.empty(SHAPES[dim], device="meta", dtype=torch.float64)
    assert layer(x).device.type == "meta"
    assert layer.explain(x).kernel == "torch"
    full = layer.to_empty(device="cpu")
    full.reset_parameters()
    assert full(normal(*SHAPES[dim], dtype=torch.float64)).isfinite().all()


@every_norm
def test_what_is_not_an_argument_is_refused(kind: str, dim: int) -> None:
    made = getattr(leaky.nn, f"{kind}Act{dim}d")
    with pytest.raises(TypeError, match="num_feature"):
        made()
    with pytest.raises(TypeError, match="negative_slope"):
        made(5, negative_slope=0.1)
    with pytest.raises(leaky.LeakyError, match="did you mean `leaky_relu`"):
        made(5, activation="leakyrelu")
    with pytest.raises(leaky.LeakyError, match=r"must not learn, got prelu.*; use a norm and leaky.nn.PReLU"):
        made(5, activation="prelu")


@every_norm
@pytest.mark.parametrize("spec", ["elu(alpha=0.5)", "tanh", "selu", "softplus", "sigmoid"])
def test_activations_without_a_kernel_are_composed(kind: str, dim: int, spec: str) -> None:
    layer = getattr(leaky.nn, f"{kind}Act{dim}d")(5, activation=spec)
    x = normal(*SHAPES[dim])
    expected = leaky.nn.activation(spec)(getattr(nn, f"{kind}{dim}d")(5)(x))
    assert torch.equal(layer(x), expected)
    assert layer.explain(x).kernel == "torch"


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU"])
def test_wrong_inputs_are_refused_as_torch_does(name: str) -> None:
    ours, torchs = getattr(leaky.nn, name)(), getattr(nn, name)()
    for x in (torch.ones(5000, dtype=torch.int32), torch.ones(5000, dtype=torch.bool)):
        results = []
        for module in (ours, torchs):
            try:
                results.append(module(x).dtype)
            except (RuntimeError, NotImplementedError) as error:
                results.append((type(error), str(error)))
        assert results[0] == results[1]


@every_norm
def test_wrong_ranks_dtypes_and_channels_are_refused_as_torch_does(kind: str, dim: int) -> None:
    ours, torchs = getattr(leaky.nn, f"{kind}Act{dim}d"), getattr(nn, f"{kind}{dim}d")
    shape = SHAPES[dim]
    for x in (
        normal(300),
        normal(*shape, 2),
        normal(*shape)[:, :3],
        normal(*shape, dtype=torch.int32),
        normal(*shape).to(torch.complex64),
    ):
        results = []
        for module in (
            ours(5, affine=True, track_running_stats=True),
            torchs(5, affine=True, track_running_stats=True),
        ):
            before = {name: t.clone() for name, t in module.state_dict().items()}
            try:
                results.append(module(x).shape)
            except Exception as error:
                results.append((type(error), str(error)))
                changed = [n for n, t in module.state_dict().items() if not torch.equal(t, before[n])]
                assert changed in ([], ["num_batches_tracked"])  # torch counts first
        assert results[0] == results[1]


@pytest.mark.skipif(not native.available(), reason="the native kernels are not built here")
@pytest.mark.parametrize("eps", [0.0, -1.0])
def test_an_eps_that_is_not_positive_is_refused_as_torch_does(eps: float) -> None:
    with pytest.raises(ValueError, match="batch_norm eps must be positive during training"):
        nn.BatchNorm2d(5, eps)(normal(*SHAPES[2]))
    with pytest.raises(ValueError, match="batch_norm eps must be positive during training"):
        leaky.nn.BatchNormAct2d(5, eps)(normal(*SHAPES[2]))
