"""Dropout: torch's bits, draws and generator; one bit per element kept; every way that autograd may go."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from twins import DTYPES, needs_native, normal, same_bits, special

import leaky
from leaky.kernels.select import LAYERS
from leaky.models import saved_bytes
from leaky.nn.functional import dropout

SMALL = LAYERS["dropout"].small
COUNT = SMALL + 37


def run(function: Any, x: torch.Tensor, grad: torch.Tensor, *given: Any) -> tuple[torch.Tensor, ...]:
    """Output, gradient, and the generator's state after."""
    torch.manual_seed(3)
    leaf = x.detach().requires_grad_()
    y = function(leaf * 1, *given)
    kept = y.detach().clone()
    y.backward(grad)
    assert leaf.grad is not None
    return kept, leaf.grad, torch.get_rng_state()


def assert_torchs(x: torch.Tensor, grad: torch.Tensor, *given: Any) -> None:
    found, wanted = run(dropout, x, grad, *given), run(F.dropout, x, grad, *given)
    for ours, theirs in zip(found[:2], wanted[:2], strict=True):
        assert same_bits(ours, theirs)
        assert ours.stride() == theirs.stride()
    assert torch.equal(found[2], wanted[2])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.875])
@pytest.mark.parametrize("inplace", [False, True], ids=["", "in place"])
def test_the_bits_and_draws_of_torch(dtype: torch.dtype, p: float, inplace: bool) -> None:
    numbers = special(dtype)
    x, grad = normal(COUNT, dtype=dtype), normal(COUNT, seed=1, dtype=dtype)
    x[: len(numbers) ** 2] = numbers.repeat(len(numbers))
    grad[: len(numbers) ** 2] = numbers.repeat_interleave(len(numbers))
    assert_torchs(x, grad, p, True, inplace)


@pytest.mark.parametrize("size", [0, 1, 7, SMALL - 1, SMALL, SMALL + 1, 2 * SMALL + 31])
@pytest.mark.parametrize("p", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_sizes_and_ends(size: int, p: float, training: bool) -> None:
    assert_torchs(normal(size), normal(size, seed=1), p, training)


LAYOUTS = {
    "transposed": torch.randn(300, 401).t(),
    "channels_last": torch.randn(2, 8, 70, 70).to(memory_format=torch.channels_last),
    "sliced": torch.randn(600, 501)[::2, 1::2],
    "expanded": torch.randn(1, 900).expand(100, 900),
    "offset": torch.randn(COUNT + 1)[1:],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", ["contiguous", "expanded", "reversed"])
def test_layouts_and_gradients_of_another_layout(layout: str, other: str) -> None:
    x = LAYOUTS[layout]
    grad = {
        "contiguous": torch.randn(x.shape),
        "expanded": torch.randn(()).expand(x.shape),
        "reversed": torch.randn(x.shape[::-1]).permute(*reversed(range(x.dim()))),
    }[other]
    assert_torchs(x, grad, 0.3)


def test_in_place_over_a_slice_and_what_may_change_after() -> None:
    def over(function: Any) -> Any:
        def changed(t: torch.Tensor) -> torch.Tensor:
            part = t.view(-1, 2)[:, 0]
            assert function(part, 0.3, True, True) is part
            return t.add_(1).mul_(2)  # bits are kept, so the output may change

        return changed

    x = normal(2 * COUNT)
    for ours, theirs in zip(run(over(dropout), x, x), run(over(F.dropout), x, x), strict=True):
        assert torch.equal(ours, theirs)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        dropout(x.requires_grad_(), inplace=True)


def test_without_gradients() -> None:
    x = normal(COUNT)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            torch.manual_seed(3)
            found = dropout(x.clone().requires_grad_(), 0.3)
            torch.manual_seed(3)
            assert same_bits(found, F.dropout(x, 0.3))


@needs_native
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("inplace", [False, True], ids=["", "in place"])
def test_one_bit_per_element_is_kept(dtype: torch.dtype, inplace: bool) -> None:
    x = normal(COUNT, dtype=dtype).requires_grad_()
    assert saved_bytes(lambda: F.dropout(x * 1, 0.3, True, inplace)) >= COUNT * x.element_size()
    assert saved_bytes(lambda: dropout(x * 1, 0.3, True, inplace)) == (COUNT + 7) // 8


def test_gradcheck_twice() -> None:
    x = normal(SMALL + 1, dtype=torch.float64).requires_grad_()

    def function(t: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        return dropout(t * t, 0.3) * t

    assert torch.autograd.gradcheck(function, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, x, fast_mode=True)


def test_a_graph_kept_and_several_gradients_at_once() -> None:
    x, grads = normal(COUNT).requires_grad_(), normal(3, COUNT)
    results = []
    for function in (dropout, F.dropout):
        torch.manual_seed(3)
        y = function(x, 0.3)
        batched = torch.autograd.grad(y, x, grads, is_grads_batched=True, retain_graph=True)[0]
        (first,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), x)
        results.append((batched, first.detach(), second))
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_finds_the_same_draws(reentrant: bool) -> None:
    def checkpointed(t: torch.Tensor) -> torch.Tensor:
        return checkpoint(lambda u: dropout(u * 2, 0.3), t, use_reentrant=reentrant)  # type: ignore[no-any-return]

    x = normal(COUNT)
    wanted = run(lambda t: F.dropout(t * 2, 0.3), x, x)
    for ours, theirs in zip(run(checkpointed, x, x), wanted, strict=True):
        assert torch.equal(ours, theirs)


def test_saved_tensors_may_go_elsewhere_and_come_back() -> None:
    x = normal(COUNT)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().numpy().copy(), torch.from_numpy):
        found = run(dropout, x, x, 0.3)
    assert torch.equal(found[1], run(F.dropout, x, x, 0.3)[1])


def test_compiled_and_transformed_it_is_torchs() -> None:
    torch.compiler.reset()
    x = normal(4, SMALL)
    compiled = torch.compile(lambda t: dropout(t, 0.3), fullgraph=True, backend="aot_eager")
    for ours, theirs in zip(run(compiled, x, x), run(F.dropout, x, x, 0.3), strict=True):
        assert torch.equal(ours, theirs)
    results = []
    for function in (dropout, F.dropout):
        torch.manual_seed(3)
        gradient = torch.func.grad(lambda t, f=function: f(t, 0.3).pow(2).sum())
        results.append(torch.vmap(gradient, randomness="different")(x))
    assert torch.equal(*results)


def test_gradients_given_are_not_written_over() -> None:
    x, grad = normal(COUNT), normal(COUNT, seed=1)
    before = grad.clone()
    first = run(dropout, x, grad, 0.3)[1]
    assert torch.equal(grad, before)
    again = run(lambda t: dropout(t, 0.3) * 1 + 0, x, grad)[1]  # a gradient that nobody else holds may be
    assert torch.equal(first, again)


def test_the_module_and_what_torch_refuses() -> None:
    layer = leaky.nn.Dropout(0.3)
    assert isinstance(layer, torch.nn.Dropout)
    assert repr(layer) == "Dropout(p=0.3, inplace=False)"
    x = normal(COUNT)
    assert all(map(torch.equal, run(layer, x, x), run(torch.nn.Dropout(0.3), x, x)))
    assert layer.eval()(x) is x
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            leaky.nn.Dropout(p)
        with pytest.raises(ValueError, match="between 0 and 1"):
            dropout(x.requires_grad_(), p)
