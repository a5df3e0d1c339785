"""Norm and activation in one tensor: torch's numbers, checkpoints and manners, without its memory."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import leaky
from leaky.kernels import native

SHAPES = {1: (6, 5, 33), 2: (4, 5, 9, 11), 3: (2, 5, 4, 5, 6)}
KINDS = ["BatchNorm", "InstanceNorm"]
needs_native = pytest.mark.skipif(not native.available(), reason="the native kernels are not built here")
EPS = {torch.float64: 2.3e-16, torch.float32: 1.2e-7, torch.bfloat16: 7.9e-3, torch.float16: 9.8e-4}


class Plain(nn.Module):
    """The torch norm and its activation, one after the other."""

    def __init__(self, norm: nn.Module, slope: float) -> None:
        super().__init__()
        self.norm = norm
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.norm(x)
        return F.relu(z) if self.slope == 0 else F.leaky_relu(z, self.slope)


def spec(slope: float) -> str:
    return "relu" if slope == 0 else f"leaky_relu(negative_slope={slope})"


def pair(
    kind: str, dim: int, slope: float, dtype: torch.dtype = torch.float32, **options: Any
) -> tuple[Any, Any]:
    """Ours and torch's, with the same awkward weights."""
    torch.manual_seed(0)
    ours = getattr(leaky.nn, f"{kind}Act{dim}d")(5, activation=spec(slope), **options)
    if ours.weight is not None:
        with torch.no_grad():
            ours.weight.copy_(torch.tensor([1.0, -1.0, 0.0, 1e-6, 0.3]))
            ours.bias.copy_(torch.tensor([0.1, -0.5, 0.7, 0.2, 2.0]))
    norm = getattr(nn, f"{kind}{dim}d")(5, **options)
    norm.load_state_dict(ours.state_dict())
    return ours.to(dtype), Plain(norm, slope).to(dtype)


def step(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> dict[str, torch.Tensor]:
    leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(leaf)
    y.backward(grad)
    assert leaf.grad is not None
    found = {"y": y.detach(), "x": leaf.grad}
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None
        found[name.removeprefix("norm.")] = parameter.grad
    for name, buffer in layer.named_buffers():
        found[name.removeprefix("norm.")] = buffer
    return {name: t.double() for name, t in found.items()}


def within_torchs_own_error(
    found: dict[str, torch.Tensor],
    torchs: dict[str, torch.Tensor],
    truth: dict[str, torch.Tensor],
    dtype: torch.dtype,
) -> None:
    assert found.keys() == torchs.keys() == truth.keys()
    for name in truth:
        scale = truth[name].abs().max().item()
        allowed = 2 * (torchs[name] - truth[name]).abs().max().item() + 8 * EPS[dtype] * scale + 1e-30
        off = (found[name] - truth[name]).abs().max().item()
        assert off <= allowed, f"{name}: off by {off:.3g}, allowed {allowed:.3g}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("slope", [0.01, 0.2, 0.0, 1.0, -0.5, 3.0])
@pytest.mark.parametrize("affine", [True, False])
def test_training_step(kind: str, dim: int, slope: float, affine: bool) -> None:
    x = torch.randn(SHAPES[dim], generator=torch.Generator().manual_seed(1)) * 3 + 2
    grad = torch.randn(SHAPES[dim], generator=torch.Generator().manual_seed(2))
    options = {"affine": affine, "track_running_stats": True}
    ours, plain = pair(kind, dim, slope, **options)
    found, torchs = step(ours, x, grad), step(plain, x, grad)
    truth = step(pair(kind, dim, slope, **options)[1].double(), x.double(), grad.double())
    within_torchs_own_error(found, torchs, truth, torch.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("slope", [0.01, 0.2])
def test_dtypes_with_signed_tiny_and_zero_weights(kind: str, dtype: torch.dtype, slope: float) -> None:
    x = (torch.randn(8, 5, 16, 16, generator=torch.Generator().manual_seed(1)) + 0.5).to(dtype)
    grad = torch.randn(8, 5, 16, 16, generator=torch.Generator().manual_seed(2)).to(dtype)
    ours, plain = pair(kind, 2, slope, dtype, affine=True)
    found, torchs = step(ours, x, grad), step(plain, x, grad)
    truth_layer = pair(kind, 2, slope, dtype, affine=True)[1].double()
    truth = step(truth_layer, x.double(), grad.double())
    within_torchs_own_error(found, torchs, truth, dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.01, 0.0])
@pytest.mark.parametrize("dim", [2, 3])
def test_channels_last_and_gradients_of_another_layout(kind: str, slope: float, dim: int) -> None:
    last = {2: torch.channels_last, 3: torch.channels_last_3d}[dim]
    x = torch.randn(SHAPES[dim]).to(memory_format=last)
    for grad in (
        torch.randn(SHAPES[dim]),
        torch.randn(SHAPES[dim]).to(memory_format=last),
        torch.ones(()).expand(SHAPES[dim]),
    ):
        ours, plain = pair(kind, dim, slope, affine=True)
        found, torchs = step(ours, x, grad), step(plain, x, grad)
        truth = step(pair(kind, dim, slope, affine=True)[1].double(), x.double(), grad.double())
        within_torchs_own_error(found, torchs, truth, torch.float32)
        assert ours(x).stride() == x.stride()  # torch's instance norm gives channels last up


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.01, 0.0])
def test_eval_mode_trains_too(kind: str, slope: float) -> None:
    x, grad = torch.randn(4, 5, 9, 11), torch.randn(4, 5, 9, 11)
    results = []
    for double in (False, True):
        ours, plain = pair(kind, 2, slope, affine=True, track_running_stats=True)
        for layer in (ours, plain):
            layer(torch.randn(4, 5, 9, 11, generator=torch.Generator().manual_seed(7)) * 2 + 1)
            layer.eval()
        if double:
            results.append(step(plain.double(), x.double(), grad.double()))
        else:
            results += [step(ours, x, grad), step(plain, x, grad)]
    within_torchs_own_error(*results, torch.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("momentum", [None, 0.3])
@pytest.mark.parametrize("tracked", [True, False])
def test_running_statistics_and_momentum(kind: str, momentum: float | None, tracked: bool) -> None:
    ours, plain = pair(kind, 1, 0.01, momentum=momentum, track_running_stats=tracked, affine=True)
    for seed in range(3):
        x = torch.randn(6, 5, 33, generator=torch.Generator().manual_seed(seed)) * 3 + seed
        torch.testing.assert_close(ours(x), plain(x), rtol=1e-5, atol=1e-5)
    for name, value in plain.norm.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-5, atol=1e-6)
    ours.eval(), plain.eval()
    torch.testing.assert_close(ours(x), plain(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.2, 0.0])
@pytest.mark.parametrize("training", [True, False])
def test_gradcheck_twice(kind: str, slope: float, training: bool) -> None:
    torch.manual_seed(3)
    layer = getattr(leaky.nn, f"{kind}Act2d")(
        3, affine=True, track_running_stats=True, activation=spec(slope)
    ).double()
    layer(torch.randn(4, 3, 6, 6, dtype=torch.float64))
    layer.train(training)
    x = torch.randn(4, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([1.3, -0.7, 0.4], dtype=torch.float64, requires_grad=True)
    bias = torch.tensor([0.2, 0.1, -0.3], dtype=torch.float64, requires_grad=True)

    def function(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(function, (x, weight, bias))
    assert torch.autograd.gradgradcheck(function, (x, weight, bias))


@needs_native
def test_one_tensor_is_kept() -> None:
    x = torch.randn(8, 16, 32, 32, requires_grad=True)
    layer = leaky.nn.BatchNormAct2d(16)
    kept: list[torch.Tensor] = []

    def pack(t: torch.Tensor) -> torch.Tensor:
        kept.append(t)
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = layer(x)
    big = [t for t in kept if t.untyped_storage().nbytes() > 1000]
    assert len(big) == 1
    assert big[0].data_ptr() == y.data_ptr()
    assert layer.explain(x).keeps == "its own output only"


@needs_native
def test_explain_says_what_is_kept_and_why() -> None:
    x = torch.randn(8, 5, 32, 32)
    ours, _ = pair("BatchNorm", 2, 0.01)
    assert "the input of 3 channels" in ours.explain(x).keeps  # weights 0, 1e-6 and bias 2 over weight 0.3
    assert pair("BatchNorm", 2, 0.0)[0].explain(x).keeps == "the norm's input only"
    assert leaky.nn.BatchNormAct2d(5, activation="elu").explain(x).kernel == "torch"


def test_a_zero_initialised_weight_learns() -> None:
    layer = leaky.nn.BatchNormAct2d(5)
    nn.init.zeros_(layer.weight)
    torch.manual_seed(0)
    x, target = torch.randn(8, 5, 8, 8), torch.randn(8, 5, 8, 8)
    optimizer = torch.optim.SGD(layer.parameters(), 0.5)
    for _ in range(3):
        optimizer.zero_grad()
        F.mse_loss(layer(x), F.leaky_relu(target + x)).backward()
        optimizer.step()
    assert (layer.weight.abs() > 1e-3).all()


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_steps_follow_the_plain_model(kind: str) -> None:
    def model(lean: bool) -> nn.Sequential:
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for width_in, width in ((3, 8), (8, 8), (8, 8)):
            layers.append(nn.Conv2d(width_in, width, 3, padding=1))
            if lean:
                layers.append(getattr(leaky.nn, f"{kind}Act2d")(width, affine=True))
            else:
                layers += [getattr(nn, f"{kind}2d")(width, affine=True), nn.LeakyReLU(0.01)]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 64, 4))

    x, y = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(16) % 4
    losses = []
    for lean in (True, False):
        network = model(lean)
        optimizer = torch.optim.SGD(network.parameters(), 0.02, momentum=0.9)
        curve = []
        for _ in range(50):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
        losses.append(torch.tensor(curve))
    torch.testing.assert_close(losses[0], losses[1], rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_checkpoints_both_ways_pickle_and_deepcopy(kind: str, dim: int) -> None:
    ours = getattr(leaky.nn, f"{kind}Act{dim}d")(5, affine=True, track_running_stats=True)
    norm = getattr(nn, f"{kind}{dim}d")(5, affine=True, track_running_stats=True)
    assert isinstance(ours, type(norm))
    norm.load_state_dict(ours.state_dict())
    ours.load_state_dict(norm.state_dict())
    x = torch.randn(SHAPES[dim])
    for copied in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(copied(x), ours(x))


def test_compile_vmap_and_checkpoint() -> None:
    torch.manual_seed(0)
    layer = leaky.nn.InstanceNormAct2d(5, affine=True)
    x = torch.randn(4, 5, 9, 9)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), layer(x))
    inner = torch.randn(3, 4, 5, 9, 9)
    torch.testing.assert_close(torch.vmap(layer)(inner), torch.stack([layer(part) for part in inner]))
    leaf = x.clone().requires_grad_()
    torch.utils.checkpoint.checkpoint(layer, leaf, use_reentrant=False).pow(2).sum().backward()
    again = x.clone().requires_grad_()
    layer(again).pow(2).sum().backward()
    assert torch.equal(leaf.grad, again.grad)  # type: ignore[arg-type]


def test_autocast() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), leaky.nn.BatchNormAct2d(8))
    plain = nn.Sequential(copy.deepcopy(model[0]), nn.BatchNorm2d(8), nn.LeakyReLU(0.01))
    x = torch.randn(4, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, expected = model(x), plain(x)
    assert y.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(y, expected, rtol=2e-2, atol=2e-2)
    y.float().pow(2).sum().backward()
    expected.float().pow(2).sum().backward()
    torch.testing.assert_close(model[0].weight.grad, plain[0].weight.grad, rtol=0.05, atol=0.5)


def test_unbatched_instances_and_inference() -> None:
    layer, plain = pair("InstanceNorm", 2, 0.01, affine=True)
    x = torch.randn(5, 9, 11)
    torch.testing.assert_close(layer(x), plain(x), rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(layer(x[None]), plain(x[None]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        ("BatchNorm", (4, 5, 9), "expected 4D input"),
        ("BatchNorm", (1, 5, 1, 1), "Expected more than 1 value per channel"),
        ("InstanceNorm", (4, 5, 1, 1), "Expected more than 1 spatial element"),
    ],
)
def test_what_torch_refuses_is_refused_in_its_words(kind: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(leaky.nn, f"{kind}Act2d")(5)(torch.randn(shape))


def test_an_activation_that_learns_is_refused() -> None:
    with pytest.raises(leaky.LeakyError, match="BatchNormAct2d: `activation` must not learn, got prelu"):
        leaky.nn.BatchNormAct2d(5, activation="prelu")
