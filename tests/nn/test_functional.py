"""One bit per element: torch.nn.functional's bits and gradients, without its memory."""

from __future__ import annotations

import copy
import functools
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from twins import DTYPES, both_ways, every_kernel, needs_native, normal, same_bits, serve, special

import leaky
from leaky.kernels import native
from leaky.kernels.select import SMALL

SLOPES = [0.0, 0.01, 0.2, 1.0, -0.3, 3.0]


def crossed(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and gradients: every special number with every other, random ones between, an odd size."""
    x = special(dtype)
    pairs = [x.repeat_interleave(len(x)), normal(2 * SMALL + 3, dtype=dtype)]
    grads = [x.repeat(len(x)), normal(2 * SMALL + 3, seed=1, dtype=dtype)]
    return torch.cat(pairs), torch.cat(grads)


@every_kernel
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_leaky_relu_is_torchs_to_the_bit(
    kernel: str, slope: float, dtype: torch.dtype, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    function = leaky.nn.functional.leaky_relu
    x, grad = crossed(dtype)
    count = len(special(dtype)) ** 2
    assert count < SMALL < len(x)
    for part in (slice(None), slice(count)):  # a small tensor takes torch's own operation
        expected = both_ways(lambda t: F.leaky_relu(t, slope), x[part], grad[part])
        for inplace in (False, True):  # torch's in-place backward refuses negative slopes
            found = both_ways(lambda t, inplace=inplace: function(t, slope, inplace), x[part], grad[part])
            assert same_bits(found[0], expected[0])
            assert same_bits(found[1], expected[1])


@every_kernel
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("inplace", [False, True])
def test_relu_is_torchs_to_the_bit(kernel: str, dtype: torch.dtype, inplace: bool, monkeypatch: Any) -> None:
    serve(kernel, monkeypatch)
    x, grad = crossed(dtype)
    expected = both_ways(F.relu, x, grad)
    found = both_ways(lambda t: leaky.nn.functional.relu(t, inplace), x, grad)
    assert same_bits(found[0], expected[0])
    assert same_bits(found[1], expected[1])


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("inplace", [False, True])
def test_without_gradients_too(slope: float, dtype: torch.dtype, inplace: bool) -> None:
    x, _ = crossed(dtype)
    for mode in (torch.no_grad, torch.inference_mode):
        for leaf in (x.clone(), x.clone().requires_grad_()):
            with mode():
                y = leaky.nn.functional.leaky_relu(leaf, slope, inplace)
                z = leaky.nn.functional.relu(x.clone(), inplace)
            assert (y is leaf) is inplace
            assert y.grad_fn is None
            assert same_bits(y.detach(), F.leaky_relu(x, slope))
            assert same_bits(z, F.relu(x))


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


@every_kernel
@pytest.mark.parametrize("slope", [0.1, -0.3])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", ["same", "contiguous", "expanded", "reversed"])
def test_layouts_and_gradients_of_another_layout(
    kernel: str, slope: float, layout: str, other: str, monkeypatch: Any
) -> None:
    serve(kernel, monkeypatch)
    torch.manual_seed(0)
    x = LAYOUTS[layout]()
    grads = {
        "same": torch.randn_like(x),
        "contiguous": torch.randn(x.shape),
        "expanded": torch.randn(()).expand(x.shape),
        "reversed": torch.randn(x.shape[::-1]).permute(*reversed(range(x.dim()))),
    }
    before = x.clone()
    results = []
    for function in (F.leaky_relu, leaky.nn.functional.leaky_relu):
        leaf = x.detach().requires_grad_()  # an expanded leaf too
        y = function(leaf, slope)
        (gradient,) = torch.autograd.grad(y, leaf, grads[other])
        results.append((y, gradient, y.stride()))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert results[0][2] == results[1][2]
    assert torch.equal(x, before)


@every_kernel
@pytest.mark.parametrize("slope", [0.1, -0.3])
@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"expanded"}))
def test_layouts_in_place(kernel: str, slope: float, layout: str, monkeypatch: Any) -> None:
    """Over a view: its base is written, the rest of the base is not, and gradients go through both."""
    serve(kernel, monkeypatch)
    torch.manual_seed(0)
    x = LAYOUTS[layout]()
    base, leaf = (torch.zeros_like(x._base if x._is_view() else x).requires_grad_() for _ in range(2))
    whole = base * 1 + (x._base if x._is_view() else x)
    view = whole.as_strided(x.shape, x.stride(), x.storage_offset())
    assert leaky.nn.functional.leaky_relu(view, slope, inplace=True) is view
    weight = torch.arange(whole.numel()).reshape(whole.shape) % 7 - 3.0
    (whole * weight).sum().backward()
    plain = leaf * 1 + (x._base if x._is_view() else x)
    flat = plain.as_strided((plain.untyped_storage().nbytes() // 4,), (1,))
    places = torch.arange(flat.numel()).as_strided(x.shape, x.stride(), x.storage_offset())
    expected = flat.index_put((places,), F.leaky_relu(flat[places], slope)).as_strided(
        plain.shape, plain.stride()
    )
    (expected * weight).sum().backward()
    assert torch.equal(whole, expected)
    assert torch.equal(base.grad, leaf.grad)  # type: ignore[arg-type]


def test_in_place_where_torch_refuses_it() -> None:
    part = (torch.randn(2, 2 * SMALL, requires_grad=True) * 1).unbind()[0]
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        leaky.nn.functional.leaky_relu(part, 0.1, inplace=True)
    spread = (torch.randn(1, 2 * SMALL, requires_grad=True) * 1).expand(3, -1)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        leaky.nn.functional.leaky_relu(spread, 0.1, inplace=True)


@every_kernel
@pytest.mark.parametrize("inplace", [False, True])
def test_sum_backward(kernel: str, inplace: bool, monkeypatch: Any) -> None:
    serve(kernel, monkeypatch)
    x = torch.randn(100, 100, requires_grad=True)
    for slope in (0.1, -0.3):
        (gradient,) = torch.autograd.grad(leaky.nn.functional.leaky_relu(x * 1, slope, inplace).sum(), x)
        assert torch.equal(gradient, torch.where(x > 0, 1.0, slope))
    (gradient,) = torch.autograd.grad(leaky.nn.functional.relu(x * 1, inplace).sum(), x)
    assert torch.equal(gradient, (x > 0).float())


SIZES = [(), (0,), (1,), (7,), (1023,), (65537,), (0, 5000)]
SIZES += [(5000, 0), (5000, 1), (601, 7), (5, 1023), (3, 65537)]  # columns, enough rows for the kernels


@every_kernel
@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("inplace", [False, True])
def test_sizes(kernel: str, shape: tuple[int, ...], inplace: bool, monkeypatch: Any) -> None:
    serve(kernel, monkeypatch)
    x, grad = normal(*shape), normal(*shape, seed=1)
    for ours, torchs in (
        (lambda t: leaky.nn.functional.leaky_relu(t, -0.3, inplace), lambda t: F.leaky_relu(t, -0.3)),
        (lambda t: leaky.nn.functional.leaky_relu(t, 0.1, inplace), lambda t: F.leaky_relu(t, 0.1)),
        (lambda t: leaky.nn.functional.relu(t, inplace), F.relu),
    ):
        expected, found = both_ways(torchs, x, grad), both_ways(ours, x, grad)
        assert torch.equal(found[0], expected[0])
        assert torch.equal(found[1], expected[1])


@every_kernel
@pytest.mark.parametrize("slope", [*SLOPES, None])
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("module", [False, True])
def test_gradcheck_twice(
    kernel: str, slope: float | None, inplace: bool, module: bool, monkeypatch: Any
) -> None:
    """Functions and modules; None is ReLU. In fast mode, so that all 4,097 elements are in it."""
    serve(kernel, monkeypatch)
    x = normal(SMALL + 1, dtype=torch.float64)
    x = (x + 0.1 * x.sign()).requires_grad_()  # away from the kink
    made: Any
    if slope is None:
        made = leaky.nn.ReLU(inplace) if module else lambda t: leaky.nn.functional.relu(t, inplace)
    elif module:
        made = leaky.nn.LeakyReLU(slope, inplace)
    else:
        made = functools.partial(leaky.nn.functional.leaky_relu, negative_slope=slope, inplace=inplace)

    def function(t: torch.Tensor) -> torch.Tensor:
        return made(t * 1) * t  # differs from its own tangent, so that the second derivative is not 0

    assert torch.autograd.gradcheck(function, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, x, fast_mode=True)


@pytest.mark.parametrize("slope", SLOPES)
def test_every_entry_of_the_jacobian(slope: float) -> None:
    x = normal(SMALL + 1, dtype=torch.float64)
    head = (x[:8] + 0.1 * x[:8].sign()).requires_grad_()

    def few(t: torch.Tensor) -> torch.Tensor:
        return leaky.nn.functional.leaky_relu(torch.cat([t, x[8:]]), slope)[:8] ** 2

    assert torch.autograd.gradcheck(few, head)
    assert torch.autograd.gradgradcheck(few, head)


@pytest.mark.parametrize(
    "made", [leaky.nn.ReLU(inplace=True), leaky.nn.LeakyReLU(-0.3), leaky.nn.LeakyReLU(0.2, True)]
)
def test_modules_are_their_torch_twins(made: nn.Module) -> None:
    twin: nn.Module = getattr(nn, type(made).__name__)(
        **{k: v for k, v in vars(made).items() if k in ("negative_slope", "inplace")}
    )
    assert isinstance(made, type(twin))
    assert repr(made) == repr(twin)
    x, grad = crossed(torch.float32)
    for copied in (made, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        found = both_ways(copied, x, grad)
        expected = both_ways(
            lambda t: twin(t) if not getattr(twin, "inplace", False) else twin(t.clone()), x, grad
        )
        assert same_bits(found[0], expected[0])
        assert same_bits(found[1], expected[1])


def test_explain_tells_who_serves(monkeypatch: Any) -> None:
    serve(None, monkeypatch)
    big = torch.ones(SMALL)
    assert leaky.kernels.explain("leaky_relu", big[:3]).kernel == "torch"
    choice = leaky.kernels.explain("leaky_relu", big)
    assert choice.kernel == ("native" if native.available() else "plain")
    assert leaky.kernels.explain("relu", big.to("meta")).kernel == "torch"
    assert "meta" in leaky.kernels.explain("leaky_relu", big.to("meta")).reason
    with pytest.raises(
        leaky.LeakyError,
        match=r"`operation` must be an entry of the catalogue or one of relu, leaky_relu, .* norm_act, got 'glu'",
    ):
        leaky.kernels.explain("glu", big)
