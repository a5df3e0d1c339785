"""Other projects' names: signatures, formulas written down anew, two orders, and a GAN's penalties with them."""

from __future__ import annotations

import doctest
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from twins import normal

from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.nn.bias_act import function, module
from leaky.nn.compat import mmcv, rosinality, stylegan3

Op = Callable[..., torch.Tensor]
REFERENCE: dict[str, tuple[Op, float]] = {
    "linear": (lambda z, a: z, 1.0),
    "relu": (lambda z, a: z.clamp(min=0), math.sqrt(2)),
    "lrelu": (lambda z, a: torch.maximum(z, z * 0) + a * torch.minimum(z, z * 0), math.sqrt(2)),
    "tanh": (lambda z, a: torch.tanh(z), 1.0),
    "sigmoid": (lambda z, a: 1 / (1 + torch.exp(-z)), 1.0),
    "elu": (lambda z, a: torch.where(z > 0, z, torch.expm1(z)), 1.0),
    "selu": (
        lambda z, a: 1.0507009873554805 * torch.where(z > 0, z, 1.6732632423543772 * torch.expm1(z)),
        1.0,
    ),
    "softplus": (lambda z, a: torch.log1p(torch.exp(z)), 1.0),
    "swish": (lambda z, a: z / (1 + torch.exp(-z)), math.sqrt(2)),
}


def reference(
    x: torch.Tensor,
    b: torch.Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> torch.Tensor:
    """StyleGAN's op from its documentation, in torch's operations."""
    function, default = REFERENCE[act]
    z = x if b is None else x + b.view([-1 if i == dim else 1 for i in range(x.dim())])
    y = function(z, 0.2 if alpha is None else alpha) * (default if gain is None else gain)
    return y if clamp is None else y.clamp(-clamp, clamp)


def two_orders(function: Op, x: torch.Tensor, b: torch.Tensor) -> list[torch.Tensor]:
    x, b = x.clone().requires_grad_(), b.clone().requires_grad_()
    y = function(x, b)
    weights = normal(*y.shape, seed=9, dtype=y.dtype)
    first = torch.autograd.grad((y * weights).sum(), (x, b), create_graph=True)
    penalty = sum(g.pow(2).sum() for g in first) + y.pow(2).sum()
    return [y.detach(), *(g.detach() for g in first), *torch.autograd.grad(penalty, (x, b))]


def agree(found: list[torch.Tensor], wanted: list[torch.Tensor]) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)  # torch's softplus is linear from 20 on


def test_signatures() -> None:
    def of(function: Any) -> str:
        names = inspect.signature(function).parameters.values()
        return ", ".join(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in names)

    root = repr(2**0.5)
    assert (
        of(stylegan3.bias_act)
        == "x, b=None, dim=1, act='linear', alpha=None, gain=None, clamp=None, impl='cuda'"
    )
    assert of(rosinality.fused_leaky_relu) == f"input, bias=None, negative_slope=0.2, scale={root}"
    assert of(rosinality.FusedLeakyReLU) == f"channel, bias=True, negative_slope=0.2, scale={root}"
    assert of(mmcv.fused_bias_leakyrelu) == f"input, bias, negative_slope=0.2, scale={root}"
    assert of(mmcv.FusedBiasLeakyReLU) == f"num_channels, negative_slope=0.2, scale={root}"


@pytest.mark.parametrize("act", REFERENCE)
def test_stylegans_nine(act: str) -> None:
    x, b = normal(4, 3, 5, 6, dtype=torch.float64), normal(3, seed=1, dtype=torch.float64)
    for more in ({}, {"gain": 0.7}, {"clamp": 1.0}, {"alpha": 0.3, "clamp": 0.9, "gain": 2.0}):
        agree(
            two_orders(lambda x, b: stylegan3.bias_act(x, b, act=act, **more), x, b),  # noqa: B023
            two_orders(lambda x, b: reference(x, b, act=act, **more), x, b),  # noqa: B023
        )
    torch.testing.assert_close(stylegan3.bias_act(x, act=act), reference(x, act=act))
    last = normal(6, seed=2, dtype=torch.float64)
    for impl in ("cuda", "ref"):
        torch.testing.assert_close(stylegan3.bias_act(x, last, 3, act, impl=impl), reference(x, last, 3, act))


@pytest.mark.parametrize("module", [function, module, mmcv, rosinality, stylegan3], ids=lambda m: m.__name__)
def test_the_examples_run(module: Any) -> None:
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


def test_stylegans_table_is_the_one_its_networks_read() -> None:
    assert set(stylegan3.activation_funcs) == set(REFERENCE)
    for act, (_, gain) in REFERENCE.items():
        assert stylegan3.activation_funcs[act].def_gain == pytest.approx(gain)
    assert stylegan3.activation_funcs["lrelu"].def_alpha == 0.2


def test_where_stylegans_two_ways_differ() -> None:
    x = torch.tensor([[math.nan, 2.0, 1.0]], requires_grad=True)
    y = stylegan3.bias_act(x, act="linear", clamp=2.0)
    assert y[0, 0].isnan()
    (grad,) = torch.autograd.grad(y.nan_to_num().sum(), x)
    assert grad[0, 1:].tolist() == [0.0, 1.0]


def test_words() -> None:
    x = torch.ones(2, 3)
    with pytest.raises(ArgumentError, match=r"^unknown act `leaky`: known are elu, linear, lrelu, "):
        stylegan3.bias_act(x, act="leaky")
    with pytest.raises(ArgumentError, match=r"^bias_act: `impl` must be 'cuda' or 'ref', .*, got 'triton'$"):
        stylegan3.bias_act(x, impl="triton")
    with pytest.raises(ArgumentError, match="`negative_slope` must be finite, got nan"):
        rosinality.fused_leaky_relu(x, negative_slope=math.nan)


@pytest.mark.parametrize("function", [rosinality.fused_leaky_relu, mmcv.fused_bias_leakyrelu])
def test_fused_leaky_relu(function: Op) -> None:
    for shape in ((4, 3, 5, 6), (7, 3)):
        x, b = normal(*shape, dtype=torch.float64), normal(3, seed=1, dtype=torch.float64)
        for more in ((), (0.1,), (0.3, 1.0)):
            slope, scale = (*more, *(0.2, 2**0.5)[len(more) :])
            agree(
                two_orders(lambda x, b: function(x, b, *more), x, b),  # noqa: B023
                two_orders(lambda x, b: reference(x, b, 1, "lrelu", slope, scale), x, b),  # noqa: B023
            )
            torch.testing.assert_close(function(x, None, *more), reference(x, None, 1, "lrelu", slope, scale))


@pytest.mark.parametrize("made", [rosinality.FusedLeakyReLU, mmcv.FusedBiasLeakyReLU])
def test_modules_load_the_originals_state(made: Any) -> None:
    layer = made(3, negative_slope=0.1, scale=1.5)
    layer.load_state_dict({"bias": torch.tensor([1.0, -1.0, 0.0])})
    assert list(layer.state_dict()) == ["bias"]
    x = normal(2, 3, 4)
    torch.testing.assert_close(layer(x), reference(x, layer.bias, 1, "lrelu", 0.1, 1.5))
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), layer(x))


def test_rosinality_without_a_bias() -> None:
    layer = rosinality.FusedLeakyReLU(3, bias=False)
    assert layer.bias is None
    assert not layer.state_dict()
    x = normal(2, 3, 4)
    torch.testing.assert_close(layer(x), reference(x, None, 1, "lrelu"))


class Generator(nn.Module):
    """A mapping and two modulated convolutions, as StyleGAN2 has them, around any fused op."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op
        self.mapping, self.start = nn.Linear(6, 6), nn.Parameter(torch.randn(1, 8, 4, 4))
        self.styles = nn.ModuleList([nn.Linear(6, 8) for _ in range(2)])
        self.weights = nn.ParameterList([torch.randn(8, 8, 3, 3) / 8 for _ in range(2)])
        self.biases = nn.ParameterList([torch.randn(8) / 4 for _ in range(3)])
        self.to_rgb = nn.Conv2d(8, 3, 1)

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        w = self.op(self.mapping(z), self.biases[2][:6])
        x = self.start.expand(len(z), -1, -1, -1)
        for style, weight, bias in zip(self.styles, self.weights, self.biases, strict=False):
            x = F.interpolate(x * style(w)[:, :, None, None], scale_factor=2)
            x = self.op(F.conv2d(x, weight, padding=1), bias)
        return self.to_rgb(x), w


class Discriminator(nn.Module):
    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op
        self.weights = nn.ParameterList([torch.randn(8, c, 3, 3) / 6 for c in (3, 8)])
        self.biases = nn.ParameterList([torch.randn(8) / 4 for _ in range(3)])
        self.dense, self.last = nn.Linear(8 * 16, 8, bias=False), nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for weight, bias in zip(self.weights, self.biases, strict=False):
            x = F.avg_pool2d(self.op(F.conv2d(x, weight, padding=1), bias), 2)
        score: torch.Tensor = self.last(self.op(self.dense(x.flatten(1)), self.biases[2]))
        return score


def gan_step(op: Op) -> list[torch.Tensor]:
    """Losses with R1 and path-length penalties, and every parameter's gradient."""
    torch.manual_seed(0)
    generator, discriminator = Generator(op).double(), Discriminator(op).double()
    z, real = torch.randn(4, 6).double(), torch.randn(4, 3, 16, 16).double().requires_grad_()
    fake, w = generator(z)
    scores = discriminator(real)
    (of_real,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
    r1 = of_real.square().sum((1, 2, 3)).mean()
    loss = F.softplus(-scores).mean() + F.softplus(discriminator(fake.detach())).mean() + 5 * r1
    noise = torch.randn_like(fake) / 16
    (of_w,) = torch.autograd.grad((fake * noise).sum(), w, create_graph=True)
    path = (of_w.square().sum(1).sqrt() - 0.1).square().mean()
    found = [loss, path]
    found += torch.autograd.grad(loss, list(discriminator.parameters()))
    found += torch.autograd.grad(path + F.softplus(-discriminator(fake)).mean(), list(generator.parameters()))
    return found


@pytest.mark.parametrize(
    "op",
    [
        rosinality.fused_leaky_relu,
        mmcv.fused_bias_leakyrelu,
        lambda x, b: stylegan3.bias_act(x, b, act="lrelu"),
        lambda x, b: stylegan3.bias_act(x, b, act="swish", clamp=4.0),
    ],
    ids=["rosinality", "mmcv", "stylegan3", "swish and clamp"],
)
def test_a_gan_with_both_penalties(op: Op, request: pytest.FixtureRequest) -> None:
    swish = "swish" in request.node.callspec.id
    more: dict[str, Any] = {"act": "swish", "clamp": 4.0} if swish else {"act": "lrelu"}
    agree(gan_step(op), gan_step(lambda x, b: reference(x, b, **more)))


def test_compiled_once_for_slopes_and_gains_that_change() -> None:
    """From the second value on, a compiler makes a number a symbol."""
    torch.compiler.reset()
    x, bias = normal(2, 3, 4), normal(3)
    ours = torch.compile(
        lambda g, a: stylegan3.bias_act(x, bias, act="lrelu", alpha=a, gain=g, clamp=2 * g),
        fullgraph=True,
        backend="aot_eager",
    )
    swish = torch.compile(
        lambda g: stylegan3.bias_act(x, bias, act="swish", gain=g), fullgraph=True, backend="aot_eager"
    )
    for gain, alpha in ((1.0, 0.2), (1.4, 0.2), (0.7, 0.1), (2.0, 0.0)):
        torch.testing.assert_close(ours(gain, alpha), reference(x, bias, 1, "lrelu", alpha, gain, 2 * gain))
        torch.testing.assert_close(swish(gain), reference(x, bias, 1, "swish", None, gain))
    for slope in (0.2, 0.1, 0.3):
        for made in (rosinality.FusedLeakyReLU, mmcv.FusedBiasLeakyReLU):
            layer = made(3, negative_slope=slope)
            compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
            torch.testing.assert_close(compiled(x), layer(x))
    with pytest.raises(Exception, match="`gain` must be finite"):
        ours(float("inf"), 0.2)


def test_slopes_may_be_numbers_of_numpy() -> None:
    x, bias = normal(2, 3, 4), normal(3)
    wanted = rosinality.fused_leaky_relu(x, bias, 0.25, 2.0)
    for slope in (np.float64(0.25), np.float32(0.25)):
        assert torch.equal(rosinality.fused_leaky_relu(x, bias, slope, np.float64(2)), wanted)
        assert torch.equal(mmcv.fused_bias_leakyrelu(x, bias, slope, 2.0), wanted)
        assert torch.equal(stylegan3.bias_act(x, bias, act="lrelu", alpha=slope, gain=2.0), wanted)
    with pytest.raises(
        ArgumentTypeError, match=r"^fused_leaky_relu: `negative_slope` must be a number, got '0\.2'; "
    ):
        rosinality.fused_leaky_relu(x, bias, "0.2")  # type: ignore[arg-type]
