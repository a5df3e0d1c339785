"""RReLU's own draws: Philox by the book, the distribution, what they depend on, and both derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from philox import numbers, philox
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from twins import DTYPES, both_ways, needs_native, normal, same_bits, special

import leaky
from leaky.errors import ArgumentError
from leaky.kernels import native_layers
from leaky.models import saved_bytes

pytestmark = needs_native
LOW, HIGH = 1 / 8, 1 / 3
forms = pytest.mark.parametrize("form", ["multiply", "divide"])


def rrelu(x: torch.Tensor, seed: int = 0, **more: Any) -> torch.Tensor:
    torch.manual_seed(seed)
    return leaky.nn.functional.rrelu(x, training=True, **more)


def slopes(count: int, seed: int = 0, form: str = "multiply") -> torch.Tensor:
    return -rrelu(torch.full((count,), -1.0, dtype=torch.float64), seed, form=form)


def test_philox_by_known_answers() -> None:
    """The vectors that come with the paper's own code."""
    ones = 0xFFFFFFFF
    assert philox((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox((ones,) * 4, (ones,) * 2) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    digits = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    assert philox(digits, (0xA4093822, 0x299F31D0)) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 3, 2**63 - 1])
@pytest.mark.parametrize("first", [0, 2**29 - 1, 2**40])
def test_the_kernels_draw_philoxs_numbers(seed: int, first: int) -> None:
    out = torch.zeros(96, dtype=torch.uint32)
    native_layers.draws(seed, first, out)
    assert out.tolist() == numbers(seed, 96, 32 * first)


@forms
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [1, 33, 70_003])
def test_values_and_gradients_are_the_formulas(form: str, dtype: torch.dtype, count: int) -> None:
    """From the numbers of the seed, by torch's operations in the precision of the kernels."""
    x, grad = normal(count, dtype=dtype), normal(count, seed=1, dtype=dtype)
    awkward = special(dtype)[:count]
    x[: len(awkward)] = awkward
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    torch.manual_seed(5)
    seed = torch.empty((), dtype=torch.int64).random_().item()
    drawn = torch.zeros((count + 31) // 32 * 32, dtype=torch.uint32)
    native_layers.draws(int(seed), 0, drawn)
    uniform = (drawn.long()[:count] >> 8).to(wide) / 2**24
    low, high = (LOW, HIGH) if form == "multiply" else (1 / HIGH, 1 / LOW)
    factor = uniform * torch.tensor(high - low, dtype=wide) + torch.tensor(low, dtype=wide)

    def scaled(t: torch.Tensor) -> torch.Tensor:
        return (t.to(wide) * factor if form == "multiply" else t.to(wide) / factor).to(dtype)

    for inplace in (False, True):
        found = both_ways(lambda t, inplace=inplace: rrelu(t, 5, form=form, inplace=inplace), x, grad)
        assert same_bits(found[0], torch.where(x <= 0, scaled(x), x))
        assert same_bits(found[1], torch.where(x <= 0, scaled(grad), grad))


def test_torchs_seed_repeats_a_call_and_each_call_has_its_own_draws() -> None:
    x = torch.full((1000,), -1.0)
    torch.manual_seed(3)
    first, second = (leaky.nn.functional.rrelu(x, training=True) for _ in range(2))
    torch.manual_seed(3)
    again = [leaky.nn.functional.rrelu(x, training=True) for _ in range(2)]
    assert torch.equal(torch.stack(again), torch.stack([first, second]))
    assert not torch.equal(first, second)


def test_draws_depend_on_nothing_but_the_seed_and_the_place() -> None:
    x = torch.full((300_001,), -1.0)
    seed = torch.tensor(77, dtype=torch.int64)
    results = []
    for threads in (1, 2, 5):
        out = torch.empty_like(x)
        native_layers.rrelu_forward(x, out, LOW, HIGH, seed, None, threads=threads)
        results.append(out)
    assert all(torch.equal(out, results[0]) for out in results)
    part = torch.empty(1000)
    native_layers.rrelu_forward(x[:1000], part, LOW, HIGH, seed, None)
    assert torch.equal(part, results[0][:1000])
    with torch.no_grad():
        without = rrelu(x)
    assert torch.equal(rrelu(x.clone().requires_grad_()).detach(), without)
    assert torch.allclose(without.double(), rrelu(x.double()), rtol=1e-6)
    square = torch.full((300, 400), -1.0)
    assert torch.equal(rrelu(square.t()), rrelu(square).t())  # by the place in memory


@forms
def test_the_distribution_of_slopes(form: str) -> None:
    count = 1_000_000
    drawn = slopes(count, form=form)
    if form == "divide":
        drawn = 1 / drawn
    low, high = (LOW, HIGH) if form == "multiply" else (1 / HIGH, 1 / LOW)
    uniform = (drawn - low) / (high - low)
    assert 0 <= uniform.min() < uniform.max() <= 1
    assert abs(uniform.mean().item() - 0.5) < 4 * (1 / 12 / count) ** 0.5
    assert abs(uniform.var().item() - 1 / 12) < 4 * (1 / 180 / count) ** 0.5
    places = torch.arange(count, dtype=torch.float64) / count
    distance = (uniform.sort().values - places).abs().max().item()  # Kolmogorov and Smirnov's
    assert distance < 1.95 / count**0.5  # passed by 999 of 1,000 true generators


def test_draws_are_independent_of_their_neighbours_and_of_other_calls() -> None:
    count = 1_000_000
    one, other = (slopes(count, seed) for seed in (0, 1))
    torch.manual_seed(0)
    leaky.nn.functional.rrelu(torch.ones(1), training=True)
    following = -leaky.nn.functional.rrelu(torch.full((count,), -1.0, dtype=torch.float64), training=True)

    def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
        return abs(torch.corrcoef(torch.stack([a, b]))[0, 1].item())

    for lag in (1, 2, 3, 4, 8, 16, 24, 32, 64, 1024):
        assert correlation(one[lag:], one[:-lag]) < 4.5 / count**0.5, lag
    assert correlation(one, other) < 4.5 / count**0.5
    assert correlation(one, following) < 4.5 / count**0.5
    pairs = (one[::2] > one.median()).long() * 2 + (one[1::2] > one.median()).long()
    counts = torch.bincount(pairs, minlength=4).double()
    expected = count / 8
    assert (((counts - expected) ** 2) / expected).sum().item() < 16.3  # chi-squared, 999 of 1,000


@forms
def test_one_bit_and_a_seed_are_kept(form: str) -> None:
    x = torch.randn(64, 1000, requires_grad=True)
    kept = saved_bytes(lambda: rrelu(x * 1, form=form)) - saved_bytes(lambda: x * 1)
    assert kept == 64 * 1000 / 8 + 8


@forms
@pytest.mark.parametrize("inplace", [False, True])
def test_gradcheck_twice(form: str, inplace: bool) -> None:
    x = normal(300, dtype=torch.float64)
    x = (x + 0.1 * x.sign()).requires_grad_()

    def function(t: torch.Tensor) -> torch.Tensor:
        return rrelu(t * 1, form=form, inplace=inplace) * t

    assert torch.autograd.gradcheck(function, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, x, fast_mode=True)


@forms
def test_autograds_machinery(form: str) -> None:
    x, grads = normal(90, 70), normal(3, 90, 70, seed=1)
    _, factors = both_ways(lambda t: rrelu(t, form=form), x, torch.ones_like(x))

    def once(t: torch.Tensor) -> torch.Tensor:
        return rrelu(t, form=form)

    leaf = x.clone().requires_grad_()
    batched = torch.autograd.grad(once(leaf), leaf, grads, is_grads_batched=True)[0]
    torch.testing.assert_close(batched, grads * factors)
    for grad in (grads[0].t().contiguous().t(), grads[0, :1, :1].expand(90, 70)):
        torch.testing.assert_close(torch.autograd.grad(once(leaf), leaf, grad)[0], grad * factors)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy().copy(), torch.from_numpy):
        assert torch.equal(both_ways(once, x, torch.ones_like(x))[1], factors)
    later = once(leaf)
    later += 1  # no value of it is needed
    later.sum().backward()
    assert leaf.grad is not None
    assert torch.equal(leaf.grad, factors)
    for reentrant in (False, True):
        torch.manual_seed(8)
        found = both_ways(
            lambda t, reentrant=reentrant: checkpoint(
                lambda s: leaky.nn.functional.rrelu(s, training=True, form=form), t, use_reentrant=reentrant
            ),
            x,
            torch.ones_like(x),
        )
        torch.manual_seed(8)
        wanted = both_ways(
            lambda t: leaky.nn.functional.rrelu(t, training=True, form=form), x, torch.ones_like(x)
        )
        assert torch.equal(found[0], wanted[0])
        assert torch.equal(found[1], wanted[1])


@forms
def test_a_compiled_module_draws_by_torch_in_one_graph(form: str) -> None:
    torch.compiler.reset()
    x = torch.full((5000,), -1.0)
    compiled = torch.compile(leaky.nn.RReLU(form=form), fullgraph=True, backend="aot_eager")
    y, grad = both_ways(compiled, x, torch.ones_like(x))
    torch.testing.assert_close(-y, grad)
    assert LOW <= grad.min() < grad.max() <= HIGH
    assert grad.unique().numel() > 1000


@pytest.mark.parametrize("inplace", [False, True])
def test_in_place_and_in_evaluation(inplace: bool) -> None:
    x = normal(5000)
    module = leaky.nn.RReLU(inplace=inplace)
    given = x.clone()
    assert (module(given) is given) is inplace
    leaf = x.clone().requires_grad_()
    if inplace:
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            module(leaf)
    assert torch.equal(leaf, x)
    wanted = both_ways(lambda t: F.rrelu(t, training=False), x, x)
    for found, theirs in zip(both_ways(module.eval(), x, x), wanted, strict=True):
        assert same_bits(found, theirs)


def test_arguments_are_checked() -> None:
    x = torch.ones(3)
    with pytest.raises(ArgumentError, match=r"`lower` must not be above `upper`, got 0\.5 and 0\.1"):
        leaky.nn.functional.rrelu(x, 0.5, 0.1)
    with pytest.raises(ArgumentError, match="`form`"):
        leaky.nn.functional.rrelu(x, form="paper")
