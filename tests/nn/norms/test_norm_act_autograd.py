"""Norm and activation inside autograd's machinery: derivatives, repeated and nested backward, transforms, AMP."""

from __future__ import annotations

import copy
import itertools
import pickle
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from twins import KINDS, SHAPES, judged, needs_native, normal, pair, spec

KIND = pytest.mark.parametrize("kind", KINDS)
SLOPES = [0.2, 0.0, -0.5, 3.0, 1.0]
GENTLE: dict[str, Any] = {"weights": (1.3, -1.0, 0.6, 0.4, -0.3), "biases": (0.2, 0.1, -0.3, 0.0, 0.7)}
AWKWARD: dict[str, Any] = {"weights": (1.3, -1.0, 0.0, 1e-6, 0.4), "biases": (0.2, 0.1, -0.3, 0.5, 0.9)}
SHAPE = SHAPES[2]
BOTH: dict[str, Any] = {"affine": True, "track_running_stats": True}


pytestmark = pytest.mark.usefixtures("native_or_an_error")


def double(kind: str, dim: int = 2, slope: float = 0.2, **options: Any) -> tuple[Any, Any]:
    """Ours and torch's in float64, with running statistics that have seen something."""
    layers = pair(kind, dim, slope, torch.float64, **{**GENTLE, **BOTH, **options})
    for layer in layers:
        layer(normal(*SHAPES[dim], seed=7, dtype=torch.float64) * 2 + 1)
    return layers


OVER = {"BatchNorm": (0, 2, 3), "InstanceNorm": (2, 3), "GroupNorm": (1, 2, 3)}


def by_formula(norm: Any, over: tuple[int, ...], x: torch.Tensor) -> torch.Tensor:
    apart = x - x.mean(over, keepdim=True)
    xhat = apart / (apart.pow(2).mean(over, keepdim=True) + norm.eps).sqrt()
    return xhat * norm.weight[:, None, None] + norm.bias[:, None, None]


def wide(*shape: int, seed: int = 0) -> torch.Tensor:
    return normal(*shape, seed=seed, dtype=torch.float64)


CASES = [
    (kind, dim, affine, tracked, training, last)
    for kind, dim, affine, tracked, training, last in itertools.product(
        KINDS, (1, 2, 3), (True, False), (True, False), (True, False), (False, True)
    )
    if dim > 1 or not last
]


@pytest.mark.parametrize("place", range(len(CASES)), ids=lambda place: "-".join(map(str, CASES[place])))
def test_gradcheck_twice(place: int) -> None:
    """Every combination, each with two slopes, in fast mode: all elements are in it. Weights of 0 and 1e-6 too."""
    kind, dim, affine, tracked, training, last = CASES[place]
    for slope in (SLOPES[place % 5], SLOPES[(place + 2) % 5]):
        layer, _ = double(kind, dim, slope, affine=affine, track_running_stats=tracked, **AWKWARD)
        layer.train(training)
        x = wide(*SHAPES[dim])
        if last:
            x = x.to(memory_format=torch.channels_last if dim == 2 else torch.channels_last_3d)
        parameters = {name: p.detach().clone().requires_grad_() for name, p in layer.named_parameters()}

        def function(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
            given = dict(zip(parameters, values, strict=True))  # noqa: B023
            return torch.func.functional_call(layer, given, (x,))  # noqa: B023

        inputs = (x.requires_grad_(), *parameters.values())
        assert torch.autograd.gradcheck(function, inputs, fast_mode=True)
        assert torch.autograd.gradgradcheck(function, inputs, fast_mode=True)


@KIND
@pytest.mark.parametrize("slope", [0.2, 0.0])
@pytest.mark.parametrize("training", [True, False])
def test_every_entry_of_the_jacobian(kind: str, slope: float, training: bool) -> None:
    layer = double(kind, 2, slope)[0].train(training)
    x = wide(2, 5, 5, 6).requires_grad_()
    inputs = [x, *(p.detach().clone().requires_grad_() for p in layer.parameters())]

    def function(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(function, inputs)


@KIND
@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("training", [True, False])
def test_two_double_backwards_and_a_third(kind: str, slope: float, training: bool) -> None:
    """The third against a formula: torch's third derivative of its batch_norm is wrong."""
    results = []
    for layer in double(kind, 2, slope):
        layer.train(training)
        if training and hasattr(layer, "norm"):
            layer.norm.forward = partial(by_formula, layer.norm, OVER[kind])
        leaves = [wide(*SHAPE).requires_grad_(), *layer.parameters()]
        y = layer(leaves[0]).pow(3).sum()
        first = torch.autograd.grad(y, leaves, create_graph=True)
        total = sum(g.pow(2).sum() for g in first)
        one = torch.autograd.grad(total, leaves, retain_graph=True)
        two = torch.autograd.grad(total, leaves, retain_graph=True)
        more = torch.autograd.grad(total, leaves, create_graph=True)
        third = torch.autograd.grad((more[0] * wide(*SHAPE, seed=2)).sum(), leaves)
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
        results.append([*first, *one, *third])
    for place, (found, expected) in enumerate(zip(*results, strict=True)):
        order = results[1][
            place - place % 3 : place - place % 3 + 3
        ]  # some of an order vanish but for rounding
        scale = max(g.abs().max().item() for g in order)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10 * scale)


@KIND
@pytest.mark.parametrize("slope", [0.2, 0.0])
def test_backward_again(kind: str, slope: float) -> None:
    layer, _ = double(kind, 2, slope)
    x = wide(*SHAPE).requires_grad_()
    y = layer(x)
    grad = wide(*SHAPE, seed=1)
    y.backward(grad, retain_graph=True)
    once = [x.grad.clone(), *(p.grad.clone() for p in layer.parameters())]  # type: ignore[union-attr]
    y.backward(grad)
    for one, leaf in zip(once, (x, *layer.parameters()), strict=True):
        assert torch.equal(leaf.grad, 2 * one)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward(grad)


@KIND
@pytest.mark.parametrize("slope", [0.2, 0.0])
def test_an_output_used_twice_a_layer_used_twice(kind: str, slope: float) -> None:
    results = []
    for layer in double(kind, 2, slope):
        x = wide(*SHAPE).requires_grad_()
        y = layer(x)
        z = layer(y + x) * y + y * y
        results.append(torch.autograd.grad(z.sum(), [x, *layer.parameters()]))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)


@KIND
@pytest.mark.parametrize("slope", [0.2, 0.0])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("learn", [p for p in itertools.product((True, False), repeat=3) if any(p)], ids=str)
def test_only_what_requires_a_gradient_gets_one(
    kind: str, slope: float, training: bool, learn: tuple[bool, bool, bool]
) -> None:
    """Frozen inputs, weights and biases in every combination, in eval mode too: what a frozen BatchNorm is."""
    results, seconds = [], []
    for layer in double(kind, 2, slope):
        layer.train(training)
        leaves = [wide(*SHAPE), *layer.parameters()]
        for leaf, need in zip(leaves, learn, strict=True):
            leaf.requires_grad_(need)
        layer(leaves[0]).backward(wide(*SHAPE, seed=1))
        results.append([leaf.grad for leaf in leaves])
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        first = torch.autograd.grad(layer(leaves[0]).pow(3).sum(), wanted, create_graph=True)
        seconds.append(torch.autograd.grad(sum(g.pow(2).sum() for g in first), wanted))
    for need, found, expected in zip(learn, *results, strict=True):
        assert (found is not None) is (expected is not None) is need
        if need:
            torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    for found, expected in zip(*seconds, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


@needs_native
@KIND
def test_a_later_change_of_the_output_is_found(kind: str) -> None:
    layer = double(kind)[0]
    skip = wide(*SHAPE)
    y = layer(wide(*SHAPE).requires_grad_())
    y += skip
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*output 0 of NormAct"):
        y.sum().backward()


@needs_native
@KIND
def test_without_an_inverse_the_output_may_change(kind: str) -> None:
    """The input is kept, so the output is nobody's."""
    gradients = []
    for layer in double(kind, 2, -0.5):
        x = wide(*SHAPE).requires_grad_()
        y = layer(x)
        y += wide(*SHAPE, seed=1)
        gradients.append(torch.autograd.grad((y * y).sum(), x)[0])
    torch.testing.assert_close(*gradients, rtol=1e-11, atol=1e-11)


@needs_native
@KIND
def test_a_later_change_of_the_input(kind: str) -> None:
    """Works where the output is kept, and is found where the input is."""
    expected, found = [], []
    for change, gradients in ((False, expected), (True, found)):
        layer, leaf = double(kind)[0], wide(*SHAPE).requires_grad_()
        x = leaf * 1
        y = layer(x)
        assert x._version == 0
        if change:
            x.zero_()
        gradients.append(torch.autograd.grad(y.pow(2).sum(), leaf)[0])
    assert torch.equal(*expected, *found)
    layer, leaf = double(kind, 2, 0.0)[0], wide(*SHAPE).requires_grad_()
    x = leaf * 1
    y = layer(x)
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@needs_native
@KIND
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_weight_changed_before_backward_is_found(kind: str, name: str) -> None:
    layer = double(kind)[0]
    y = layer(wide(*SHAPE).requires_grad_())
    with torch.no_grad():
        getattr(layer, name).mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@KIND
def test_nothing_is_modified_but_the_statistics(kind: str) -> None:
    layer = double(kind)[0]
    x = wide(*SHAPE).requires_grad_()
    before = [t.detach().clone() for t in (x, *layer.parameters())]
    versions = [t._version for t in (x, *layer.parameters())]
    layer(x).sum().backward()
    layer.eval()
    buffers = [b.clone() for b in layer.buffers()]
    layer(x).sum().backward()
    assert versions == [t._version for t in (x, *layer.parameters())]
    assert all(torch.equal(a, b) for a, b in zip(before, (x, *layer.parameters()), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(buffers, layer.buffers(), strict=True))


@needs_native
@KIND
@pytest.mark.parametrize("graph", [False, True])
def test_training_between_does_not_change_an_earlier_calls_gradient(kind: str, graph: bool) -> None:
    layer = double(kind)[0].eval()
    x = wide(*SHAPE).requires_grad_()
    (expected,) = torch.autograd.grad(layer(x).pow(2).sum(), x, create_graph=graph)
    y = layer(x).pow(2).sum()
    layer.train()(wide(*SHAPE, seed=3) * 9)
    layer.eval()
    (found,) = torch.autograd.grad(y, x, create_graph=graph)
    assert torch.equal(found, expected)


@needs_native
@KIND
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(
    "training",
    [
        True,
        pytest.param(
            False,
        ),
    ],
)
def test_double_backward_in_half_precision_with_float32_weights(
    kind: str, dtype: torch.dtype, training: bool
) -> None:
    layer = pair(kind, 2, 0.2, **GENTLE, **BOTH)[0].train(training)
    truth = pair(kind, 2, 0.2, torch.float64, **GENTLE, **BOTH)[1].train(training)
    x = normal(*SHAPE, dtype=dtype).requires_grad_()
    exact = x.detach().double().requires_grad_()
    results = []
    for module, leaf in ((layer, x), (truth, exact)):
        (first,) = torch.autograd.grad(module(leaf).pow(2).sum(), leaf, create_graph=True)
        results.append(torch.autograd.grad(first.pow(2).sum(), list(module.parameters())))
    for found, expected in zip(*results, strict=True):
        assert (found.double() - expected).norm() < 0.05 * expected.norm()


@needs_native
@KIND
@pytest.mark.parametrize(
    "last",
    [
        False,
        pytest.param(
            True,
        ),
    ],
)
def test_saved_tensors_may_go_elsewhere_and_come_back(kind: str, last: bool) -> None:
    """Hooks that store what is kept elsewhere may bring it back contiguous."""
    memory = torch.channels_last if last else torch.contiguous_format
    gradients = []
    for hooks in (False, True):
        layer = double(kind)[0]
        x = wide(*SHAPE).to(memory_format=memory).requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, hooks=hooks: t.clone(memory_format=torch.contiguous_format) if hooks else t, lambda t: t
        ):
            y = layer(x)
        gradients.append(torch.autograd.grad(y.pow(2).sum(), [x, *layer.parameters()]))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@needs_native
@KIND
def test_one_element_carries_the_graph_and_nothing_of_the_input_is_held(kind: str) -> None:
    """Double backward needs the graph, not the numbers: the input is freed once the layer has run."""
    layer = double(kind)[0]
    leaf = wide(*SHAPE).requires_grad_()
    freed: list[bool] = []

    class Watched:
        def __del__(self) -> None:
            freed.append(True)

    x = leaf * 1
    x.watched = Watched()  # type: ignore[attr-defined]
    y = layer(x)
    del x
    assert freed == [True]
    y.sum().backward()


@KIND
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("slope", [0.2, 0.0, -0.5])
def test_compiled_as_one_graph(kind: str, training: bool, slope: float) -> None:
    torch._dynamo.reset()  # a model is one graph; here one class makes many
    eager, compiled = (double(kind, 2, slope)[0].train(training) for _ in range(2))
    results = []
    for layer, call in (
        (eager, eager),
        (compiled, torch.compile(compiled, fullgraph=True, backend="aot_eager")),
    ):
        x = wide(*SHAPE).requires_grad_()
        y = call(x * 2)
        y.pow(2).sum().backward()
        results.append([y, x.grad, *(p.grad for p in layer.parameters()), *layer.buffers()])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@KIND
@pytest.mark.parametrize("slope", [0.2, 0.0])
def test_vmap_and_func_grad(kind: str, slope: float) -> None:
    layer = double(kind, 2, slope, track_running_stats=False)[0]
    batches = wide(3, *SHAPE)
    torch.testing.assert_close(torch.vmap(layer)(batches), torch.stack([layer(x) for x in batches]))
    parameters = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(parameters: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, parameters, (x,)).pow(2).sum()

    each = torch.vmap(torch.func.grad(loss, argnums=(0, 1)), (None, 0))(parameters, batches)
    for place, x in enumerate(batches):
        leaves = [x.clone().requires_grad_(), *layer.parameters()]
        expected = torch.autograd.grad(layer(leaves[0]).pow(2).sum(), leaves)
        for found, wanted in zip((each[1], *each[0].values()), expected, strict=True):
            torch.testing.assert_close(found[place], wanted, rtol=1e-10, atol=1e-10)


@needs_native
@KIND
def test_several_gradients_at_once(kind: str) -> None:
    x, grads = wide(*SHAPE).requires_grad_(), wide(3, *SHAPE, seed=1)
    results = [
        torch.autograd.grad(layer(x), [x, *layer.parameters()], grads, is_grads_batched=True)
        for layer in reversed(double(kind))
    ]
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)


@needs_native
@KIND
@pytest.mark.parametrize("frozen", [True, False])
def test_forward_mode(kind: str, frozen: bool) -> None:
    tangents = []
    x, direction = wide(*SHAPE), wide(*SHAPE, seed=1)
    for layer in reversed(double(kind)):
        layer.requires_grad_(not frozen)
        with torch.autograd.forward_ad.dual_level():
            y = layer(torch.autograd.forward_ad.make_dual(x, direction))
            tangents.append(torch.autograd.forward_ad.unpack_dual(y).tangent)
    torch.testing.assert_close(*tangents, rtol=1e-11, atol=1e-11)


@KIND
@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("slope", [0.2, 0.0])
def test_checkpointing(kind: str, reentrant: bool, slope: float) -> None:
    results = []
    for checkpointed in (False, True):
        layer, x = double(kind, 2, slope)[0], wide(*SHAPE).requires_grad_()
        y = checkpoint(layer, x * 1, use_reentrant=reentrant) if checkpointed else layer(x * 1)
        y.pow(2).sum().backward()
        results.append([y, x.grad, *(p.grad for p in layer.parameters())])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


@KIND
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("slope", [0.01, 0.0])
def test_autocast(kind: str, dtype: torch.dtype, slope: float) -> None:
    """torch's dtypes, outputs and gradients as near to the float32 model as torch's own."""
    results = []
    for lean, low in ((True, True), (False, True), (False, False)):
        torch.manual_seed(0)
        ours, plain = pair(kind, 2, slope, **GENTLE, **BOTH)
        model = nn.Sequential(nn.Conv2d(3, 5, 3, bias=False), ours if lean else plain, nn.Conv2d(5, 4, 3))
        with torch.autocast("cpu", dtype=dtype, enabled=low):
            y = model(normal(8, 3, 12, 12))
        y.float().pow(2).sum().backward()
        results.append((y, [y.float(), *(p.grad for p in model.parameters())]))
    assert results[0][0].dtype == results[1][0].dtype == dtype
    for found, torchs, truth in zip(*(numbers for _, numbers in results), strict=True):
        assert found.dtype == torchs.dtype
        off, theirs = (found - truth).norm(), (torchs - truth).norm()
        assert off <= 1.5 * theirs + torch.finfo(dtype).eps * truth.norm()


@KIND
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_copies_train_on_their_own(kind: str, dim: int) -> None:
    layer = double(kind, dim)[0]
    x = wide(*SHAPES[dim])
    layer(x.requires_grad_()).sum().backward()
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(copied) is type(layer)
        assert repr(copied) == repr(layer)
        assert copied.activation == layer.activation
        assert copied.state_dict().keys() == layer.state_dict().keys()
        assert torch.equal(copied(x), layer(x))
        for name in {"running_mean", "running_var"} & dict(layer.named_buffers()).keys():
            getattr(layer, name).fill_(-9)
            assert (getattr(copied, name) != -9).all()
        copied(x).sum().backward()
        assert copied.weight.grad is not layer.weight.grad


@KIND
def test_hooks_fire(kind: str) -> None:
    layer, seen = double(kind)[0], []
    layer.register_forward_pre_hook(lambda *_: seen.append("before"))
    layer.register_forward_hook(lambda *_: seen.append("after"))
    layer.register_full_backward_hook(lambda m, into, out: seen.append(into[0].shape))
    layer.weight.register_post_accumulate_grad_hook(lambda p: seen.append("weight"))
    layer(wide(*SHAPE).requires_grad_()).sum().backward()
    assert sorted(map(str, seen)) == sorted(["before", "after", str(torch.Size(SHAPE)), "weight"])


@KIND
@pytest.mark.parametrize("slope", [0.2, 0.0])
@needs_native
def test_a_weight_without_a_bias(kind: str, slope: float) -> None:
    judged(kind, 2, slope, normal(*SHAPE), normal(*SHAPE, seed=1), affine=True, bias=False)


@KIND
@pytest.mark.parametrize("training", [True, False])
def test_a_layer_without_memory_of_its_past(kind: str, training: bool) -> None:
    """No running statistics: eval takes the batch's own."""
    layers = double(kind, track_running_stats=False)
    x = wide(*SHAPE)
    found, expected = (layer.train(training)(x) for layer in layers)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert not list(layers[0].buffers())
    assert spec(0.2) == str(layers[0].activation)
