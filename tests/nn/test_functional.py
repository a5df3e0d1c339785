"""One bit per element: torch.nn.functional's bits and gradients, without its memory."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import leaky
from leaky.kernels import native
from leaky.kernels.select import SMALL

SLOPES = [0.0, 0.01, 0.2, 1.0, -0.5, 3.0]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
needs_native = pytest.mark.skipif(not native.available(), reason="the native kernels are not built here")


def inputs(dtype: torch.dtype, count: int = 2 * SMALL + 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, generator=generator).to(dtype)
    x[:7] = torch.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e-30, -1e-30]).to(dtype)
    return x


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    whole = {2: torch.int16, 4: torch.int32, 8: torch.int64}[a.dtype.itemsize]
    nan = a.isnan() & b.isnan()
    return a.dtype == b.dtype and bool(
        (nan | (a.contiguous().view(whole) == b.contiguous().view(whole))).all()
    )


def run(
    function: Callable[..., torch.Tensor], x: torch.Tensor, grad: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = x.clone().requires_grad_()
    y = function(leaf * 1)
    y.backward(grad)
    assert leaf.grad is not None
    return y.detach(), leaf.grad


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_leaky_relu_is_torchs_to_the_bit(slope: float, dtype: torch.dtype) -> None:
    x, grad = inputs(dtype), inputs(dtype).flip(0)
    expected = run(lambda t: F.leaky_relu(t, slope), x, grad)
    found = run(lambda t: leaky.nn.functional.leaky_relu(t, slope), x, grad)
    assert same(found[0], expected[0])
    assert same(found[1], expected[1])
    in_place = run(lambda t: leaky.nn.functional.leaky_relu(t, slope, inplace=True), x, grad)
    assert same(in_place[0], expected[0])
    assert same(in_place[1], expected[1])  # torch's in-place backward refuses negative slopes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("inplace", [False, True])
def test_relu_is_torchs_to_the_bit(dtype: torch.dtype, inplace: bool) -> None:
    x, grad = inputs(dtype), inputs(dtype).flip(0)
    expected = run(F.relu, x, grad)
    found = run(lambda t: leaky.nn.functional.relu(t, inplace), x, grad)
    assert same(found[0], expected[0])
    assert same(found[1], expected[1])


@needs_native
@pytest.mark.parametrize("function", [leaky.nn.functional.relu, leaky.nn.functional.leaky_relu])
@pytest.mark.parametrize("slope", [0.01, -1.0])
def test_at_most_one_bit_per_element_is_kept(function: Any, slope: float) -> None:
    x = torch.randn(64, 1000, requires_grad=True)
    kept: list[int] = []

    def pack(t: torch.Tensor) -> torch.Tensor:
        kept.append(t.untyped_storage().nbytes())
        return t

    arguments = (slope,) if function is leaky.nn.functional.leaky_relu else ()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        function(x * 1, *arguments)
    assert sum(kept) <= 64 * 1000 / 8 + 4  # x * 1 keeps a number


LAYOUTS: dict[str, Callable[[], torch.Tensor]] = {
    "transposed": lambda: torch.randn(70, 90).t(),
    "channels_last": lambda: torch.randn(2, 8, 20, 20).to(memory_format=torch.channels_last),
    "sliced": lambda: torch.randn(200, 90)[::2, 1::2],
    "expanded": lambda: torch.randn(1, 90).expand(100, 90),
    "permuted": lambda: torch.randn(10, 30, 40).permute(2, 0, 1),
    "offset": lambda: torch.randn(5001)[1:],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", ["same", "contiguous", "expanded", "reversed"])
def test_layouts_and_gradients_of_another_layout(layout: str, other: str) -> None:
    torch.manual_seed(0)
    x = LAYOUTS[layout]()
    grads = {
        "same": torch.randn_like(x),
        "contiguous": torch.randn(x.shape),
        "expanded": torch.randn(()).expand(x.shape),
        "reversed": torch.randn(x.shape[::-1]).permute(*reversed(range(x.dim()))),
    }
    expected = run(lambda t: F.leaky_relu(t, 0.1), x, grads[other])
    found = run(lambda t: leaky.nn.functional.leaky_relu(t, 0.1), x, grads[other])
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])
    assert found[0].stride() == expected[0].stride()


def test_sum_backward() -> None:
    x = torch.randn(100, 100, requires_grad=True)
    leaky.nn.functional.leaky_relu(x, 0.1).sum().backward()
    assert torch.equal(x.grad, torch.where(x > 0, 1.0, 0.1))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (1023,), (3, 65537), (0, 5000)])
def test_sizes(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    expected = run(lambda t: F.leaky_relu(t, 0.1), x, torch.ones(shape))
    found = run(lambda t: leaky.nn.functional.leaky_relu(t, 0.1), x, torch.ones(shape))
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("slope", SLOPES)
def test_gradcheck_twice(slope: float) -> None:
    x = torch.randn(SMALL + 1, dtype=torch.float64)
    x = (x + 0.1 * x.sign()).requires_grad_()  # away from the kink

    def few(t: torch.Tensor) -> torch.Tensor:
        full = torch.cat([t, x[8:].detach()])
        return leaky.nn.functional.leaky_relu(full, slope)[:8] ** 2

    head = x[:8].detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(few, head)
    assert torch.autograd.gradgradcheck(few, head)


def test_a_later_change_of_the_output_works_as_in_torch() -> None:
    x = torch.randn(SMALL * 2, requires_grad=True)
    y = leaky.nn.functional.leaky_relu(x * 1, 0.1)
    y += 1
    if native.available():
        y.sum().backward()
        assert torch.equal(x.grad, torch.where(x > 0, 1.0, 0.1))  # type: ignore[arg-type]


def test_in_place_writes_the_input_and_counts_versions() -> None:
    x = torch.randn(SMALL * 2)
    leaf = x.clone().requires_grad_()
    middle = leaf * 1
    version = middle._version
    y = leaky.nn.functional.leaky_relu(middle, 0.1, inplace=True)
    assert y is middle
    assert middle._version == version + 1
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        leaky.nn.functional.leaky_relu(leaf, 0.1, inplace=True)


def test_the_input_is_not_touched() -> None:
    x = torch.randn(SMALL * 2, requires_grad=True)
    before = x.detach().clone()
    leaky.nn.functional.leaky_relu(x, 0.1).sum().backward()
    assert torch.equal(x, before)


def test_retain_graph_and_two_double_backwards() -> None:
    x = torch.randn(SMALL * 2, dtype=torch.float64, requires_grad=True)
    y = leaky.nn.functional.leaky_relu(x, 0.1).pow(2).sum()
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    one = torch.autograd.grad(first.sum(), x, retain_graph=True)[0]
    two = torch.autograd.grad(first.sum(), x)[0]
    assert torch.equal(one, two)
    assert torch.allclose(one, torch.where(x > 0, 2.0, 0.02).double())


def test_compile_vmap_grad_checkpoint() -> None:
    x = torch.randn(8, SMALL)
    function = leaky.nn.functional.leaky_relu
    assert torch.equal(torch.vmap(function)(x), F.leaky_relu(x))
    gradient = torch.func.grad(lambda t: function(t, 0.1).sum())
    assert torch.equal(torch.vmap(gradient)(x), torch.where(x > 0, 1.0, 0.1))
    leaf = x.clone().requires_grad_()
    torch.utils.checkpoint.checkpoint(
        lambda t: function(t * 1, 0.1), leaf, use_reentrant=False
    ).sum().backward()
    assert torch.equal(leaf.grad, torch.where(x > 0, 1.0, 0.1))  # type: ignore[arg-type]
    compiled = torch.compile(lambda t: function(t * 2, 0.1), fullgraph=True, backend="aot_eager")
    again = x.clone().requires_grad_()
    compiled(again).sum().backward()
    assert torch.equal(again.grad, torch.where(x > 0, 2.0, 0.2))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "made", [leaky.nn.ReLU(inplace=True), leaky.nn.LeakyReLU(-0.3), leaky.nn.LeakyReLU(0.2, True)]
)
def test_modules_are_their_torch_twins(made: nn.Module) -> None:
    twin: nn.Module = getattr(nn, type(made).__name__)(
        **{k: v for k, v in vars(made).items() if k in ("negative_slope", "inplace")}
    )
    assert isinstance(made, type(twin))
    assert repr(made) == repr(twin)
    x, grad = inputs(torch.float32), inputs(torch.float32).flip(0)
    for copied in (made, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        found = run(copied, x, grad)
        expected = run(lambda t: twin(t) if not getattr(twin, "inplace", False) else twin(t.clone()), x, grad)
        assert same(found[0], expected[0])
        assert same(found[1], expected[1])


def test_autocast_keeps_the_dtype() -> None:
    layer = nn.Sequential(nn.Linear(64, 256), leaky.nn.LeakyReLU(0.1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(torch.randn(64, 64))
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert layer[0].weight.grad is not None


def test_explain_tells_who_serves() -> None:
    big = torch.ones(SMALL)
    assert leaky.kernels.explain("leaky_relu", big[:3]).kernel == "torch"
    choice = leaky.kernels.explain("leaky_relu", big)
    assert choice.kernel == ("native" if native.available() else "plain")
    assert leaky.kernels.explain("relu", big.to("meta")).kernel == "torch"
    assert "meta" in leaky.kernels.explain("leaky_relu", big.to("meta")).reason
    with pytest.raises(leaky.LeakyError, match="`operation` must be relu or leaky_relu, got 'gelu'"):
        leaky.kernels.explain("gelu", big)
