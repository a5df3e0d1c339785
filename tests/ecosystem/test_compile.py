"""torch.compile: one graph, the numbers of eager, and no more kept than without leaky."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lean_nets import net
from side_by_side import images, made, trained
from torch import Tensor, nn
from torch.nn import functional as F

import leaky
from compiled import compiled_bytes


class Functional(nn.Module):
    """Calls in two forwards, one inside the other, and an output that is changed in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
        self.inner = chain()

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(x), 0.1)
        x += x.mean()
        return self.inner(F.leaky_relu(self.second(x), negative_slope=0.3))


def chain(slope: float = 0.1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.LeakyReLU(slope),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.LeakyReLU(slope),
        nn.Conv2d(8, 3, 3, padding=1),
    )


def normed() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.LeakyReLU(0.1), nn.Conv2d(8, 3, 3, padding=1)
    )


MODELS: dict[str, Callable[[], nn.Module]] = {"chain": chain, "functional": Functional, "normed": normed}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
BATCHES = images(3, 2, 3, 32, 32)


def lean(make: Callable[[], nn.Module]) -> nn.Module:
    model = made(make)
    assert leaky.lean(model, BATCHES[0]).changed
    return model


@every_model
def test_a_lean_model_compiles_as_one_graph_and_trains_the_same(make: Any) -> None:
    wanted = trained(made(make), BATCHES)
    for backend in ("eager", "aot_eager"):
        torch._dynamo.reset()
        model = lean(make)
        compiled = torch.compile(model, fullgraph=True, backend=backend)
        assert trained(compiled, BATCHES) == pytest.approx(wanted, rel=1e-5)
    leaky.unlean(model)
    assert [type(module) for module in model.modules()] == [type(module) for module in made(make).modules()]


@pytest.mark.parametrize("name", ["residual ReLU", "group SiLU", "perceptron"])
def test_inputs_computed_again_compile_as_one_graph(name: str) -> None:
    wanted = trained(net(name), BATCHES)
    torch._dynamo.reset()
    model = net(name)
    leaky.lean(model, BATCHES[0])
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert trained(compiled, BATCHES) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.slow  # Inductor writes C++ and compiles it
def test_inductor_trains_the_same() -> None:
    torch._dynamo.reset()
    wanted = trained(made(Functional), BATCHES)
    assert trained(torch.compile(lean(Functional), fullgraph=True), BATCHES) == pytest.approx(
        wanted, rel=1e-4
    )


@every_model
def test_the_compiler_keeps_no_more_than_without_leaky(make: Any) -> None:
    x = BATCHES[0]
    assert compiled_bytes(lean(make), x) <= compiled_bytes(made(make), x)


def test_where_a_layer_behind_keeps_the_output_that_is_all() -> None:
    x = BATCHES[0]
    pixels = x[:, 0].numel()
    assert compiled_bytes(made(chain), x) == 2 * 8 * pixels * (4 + 1)  # torch's own: one byte for each sign
    assert compiled_bytes(lean(chain), x) == 2 * 8 * pixels * 4


def test_a_negative_slope_keeps_what_torch_keeps() -> None:
    x = BATCHES[0]
    assert compiled_bytes(lean(lambda: chain(-0.2)), x) == compiled_bytes(made(lambda: chain(-0.2)), x)


@pytest.mark.parametrize("slope", [None, 0.0, 0.1, 1.0, 3.0, -0.2, 3e38])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_every_value_and_derivative_is_that_of_eager(slope: float | None, dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    special = [
        0.0,
        -0.0,
        float("nan"),
        float("inf"),
        -float("inf"),
        info.tiny,
        -info.tiny,
        info.max,
        info.min,
    ]
    smallest = info.tiny * info.eps
    x = torch.tensor([*special, smallest, -smallest, 1.0, -1.0], dtype=dtype)
    grad = torch.linspace(-2, 2, len(x), dtype=dtype)

    def both(function: Callable[[Tensor], Tensor]) -> list[Tensor]:
        leaf = x.clone().requires_grad_()
        y = function(leaf)
        return [y.detach(), *torch.autograd.grad(y, leaf, grad)]

    def ours(t: Tensor) -> Tensor:
        own = leaky.nn.functional
        return own.relu(t) if slope is None else own.leaky_relu(t, slope)

    def torchs(t: Tensor) -> Tensor:
        return F.relu(t) if slope is None else F.leaky_relu(t, slope)

    torch._dynamo.reset()
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager")
    for found, wanted in zip(both(compiled), both(torchs), strict=True):
        assert torch.equal(found.nan_to_num(7), wanted.nan_to_num(7))
        assert torch.equal(found.isnan(), wanted.isnan())
        assert torch.equal(found.signbit(), wanted.signbit())


@pytest.mark.parametrize(
    "transform",
    [torch.func.jacrev, torch.func.jacfwd, "vmap of grad", "hessian"],
    ids=["jacrev", "jacfwd", "vmap of grad", "hessian"],
)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_transforms_inside_what_is_compiled(transform: Any, backend: str) -> None:
    x = torch.linspace(-2, 2, 12).view(3, 4)

    def over(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        if transform == "vmap of grad":
            return torch.vmap(torch.func.grad(lambda t: function(t * 2).square().sum()))
        if transform == "hessian":
            return torch.func.hessian(lambda t: function(t * 2).square().sum())
        return transform(lambda t: function(t * 2))

    torch._dynamo.reset()
    compiled = torch.compile(
        over(lambda t: leaky.nn.functional.leaky_relu(t, 0.1)), backend=backend, fullgraph=True
    )
    torch.testing.assert_close(compiled(x), over(lambda t: F.leaky_relu(t, 0.1))(x))


def test_compiled_under_autocast_with_shapes_that_change() -> None:
    torch._dynamo.reset()
    model, plain = lean(chain), made(chain)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager", dynamic=True)
    for side in (16, 24, 32):
        x = torch.randn(2, 3, side, side)
        with torch.autocast("cpu", torch.bfloat16):
            for one in (compiled, plain):
                one.zero_grad()
                one(x).square().mean().backward()
        for mine, theirs in zip(model.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, theirs.grad)
