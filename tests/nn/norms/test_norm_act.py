"""Norm and activation in one tensor: torch's numbers, checkpoints and manners, without its memory."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from twins import (
    DTYPES,
    KINDS,
    SHAPES,
    judged,
    needs_native,
    normal,
    pair,
    special,
    step,
    within_torchs_own_error,
)

import leaky
from leaky.kernels.select import why_not_native

pytestmark = pytest.mark.usefixtures("native_or_an_error")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("slope", [0.01, 0.2, 0.0, 1.0, -0.5, 3.0])
@pytest.mark.parametrize("affine", [True, False])
def test_training_step(kind: str, dim: int, slope: float, affine: bool) -> None:
    x = torch.randn(SHAPES[dim], generator=torch.Generator().manual_seed(1)) * 3 + 2
    grad = torch.randn(SHAPES[dim], generator=torch.Generator().manual_seed(2))
    options = {"affine": affine, "track_running_stats": True}
    judged(kind, dim, slope, x, grad, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slope", [0.01, 0.2, 0.0, -0.5, 3.0])
def test_dtypes_with_signed_tiny_and_zero_weights(kind: str, dtype: torch.dtype, slope: float) -> None:
    x = (torch.randn(8, 5, 16, 16, generator=torch.Generator().manual_seed(1)) + 0.5).to(dtype)
    grad = torch.randn(8, 5, 16, 16, generator=torch.Generator().manual_seed(2)).to(dtype)
    judged(kind, 2, slope, x, grad, affine=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.01, 0.0])
@pytest.mark.parametrize("dim", [2, 3])
def test_channels_last_and_gradients_of_another_layout(kind: str, slope: float, dim: int) -> None:
    last = {2: torch.channels_last, 3: torch.channels_last_3d}[dim]
    ours_serve = why_not_native(torch.ones(2**13)) is None
    x = torch.randn(SHAPES[dim]).to(memory_format=last)
    for grad in (
        torch.randn(SHAPES[dim]),
        torch.randn(SHAPES[dim]).to(memory_format=last),
        torch.ones(()).expand(SHAPES[dim]),
    ):
        judged(kind, dim, slope, x, grad, affine=True)
        y = pair(kind, dim, slope, affine=True)[0](x)
        if ours_serve:  # torch's instance norm gives channels last up
            assert y.stride() == x.stride()


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.01, 0.0])
def test_a_zero_initialised_weight_learns(kind: str, slope: float) -> None:
    ours, plain = pair(kind, 2, slope, weights=(0.0,) * 5, biases=(0.1, -0.1, 0.2, -0.2, 0.3), affine=True)
    x, target = normal(8, 5, 8, 8), normal(8, 5, 8, 8, seed=1)
    for layer in (ours, plain):
        optimizer = torch.optim.SGD(layer.parameters(), 0.5)
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(layer(x), F.leaky_relu(target + x)).backward()
            optimizer.step()
    assert (ours.weight.abs() > 1e-3).sum() >= (
        5 if slope else 3
    )  # ReLU is silent where the bias is negative
    torch.testing.assert_close(ours.weight, plain.norm.weight, rtol=1e-4, atol=1e-5)


def curve(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    optimizer = torch.optim.SGD(network.parameters(), 0.02, momentum=0.9)
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.01, 0.2, 0.0, -0.3])
@pytest.mark.parametrize("zero", [False, True])
def test_fifty_steps_follow_the_plain_model(kind: str, slope: float, zero: bool) -> None:
    """Within a hundredth of the loss in float32, as good as equal in float64; `zero`: the last weight starts at 0."""

    def model(lean: bool) -> nn.Sequential:
        norms = [pair(kind, 2, slope, weights=(1.0,) * 8, biases=(0.0,) * 8, affine=True) for _ in range(3)]
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for channels, (ours, plain) in zip((3, 8, 8), norms, strict=True):
            layers.append(nn.Conv2d(channels, 8, 3, padding=1))
            norm = ours if lean else plain.norm
            layers += [norm] if lean else [norm, nn.LeakyReLU(slope) if slope else nn.ReLU()]
        if zero:
            nn.init.zeros_(norm.weight)
            nn.init.constant_(norm.bias, 0.1)
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 64, 4))

    x, y = normal(16, 3, 8, 8, seed=1), torch.arange(16) % 4
    for dtype, rtol, atol in ((torch.float64, 1e-8, 1e-10), (torch.float32, 1e-2, 1e-3)):
        ours, plain = (curve(model(lean).to(dtype), x.to(dtype), y) for lean in (True, False))
        assert ours[-1] < 0.5 * ours[0]
        torch.testing.assert_close(ours, plain, rtol=rtol, atol=atol)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_checkpoints_both_ways_pickle_and_deepcopy(kind: str, dim: int) -> None:
    ours, plain = pair(kind, dim, 0.01, affine=True, track_running_stats=True)
    norm = plain.norm
    assert isinstance(ours, type(norm))
    norm.load_state_dict(ours.state_dict())
    ours.load_state_dict(norm.state_dict())
    x = torch.randn(SHAPES[dim])
    for copied in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(copied(x), ours(x))


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


LAYOUTS: dict[str, Callable[[], torch.Tensor]] = {
    "transposed": lambda: normal(5, 4, 9, 11).transpose(0, 1),
    "channels_last": lambda: normal(4, 5, 9, 11).to(memory_format=torch.channels_last),
    "space transposed": lambda: normal(4, 5, 11, 9).transpose(2, 3),
    "sliced": lambda: normal(8, 6, 9, 22)[::2, 1:, :, ::2],
    "channels of channels_last": lambda: normal(4, 8, 9, 11).to(memory_format=torch.channels_last)[:, 2:7],
    "expanded samples": lambda: normal(1, 5, 9, 11).expand(4, -1, -1, -1),
    "expanded space": lambda: normal(4, 5, 9, 1).expand(-1, -1, -1, 11),
    "offset": lambda: normal(4 * 5 * 9 * 11 + 1)[1:].view(4, 5, 9, 11),
    "one channel's strides": lambda: normal(4, 5, 1, 99).to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.1, 0.0])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_and_gradients_of_another_layout(kind: str, slope: float, layout: str) -> None:
    x = LAYOUTS[layout]()
    other = normal(*x.shape, seed=1)
    grads = {
        "same": torch.empty_strided(x.shape, x.stride()).copy_(other) if "exp" not in layout else other,
        "contiguous": other,
        "channels_last": other.to(memory_format=torch.channels_last),
        "transposed": other.transpose(0, 1).contiguous().transpose(0, 1),
        "expanded": normal(1, 5, 1, 1).expand(x.shape),
        "one number": torch.ones(()).expand(x.shape),
        "sliced": normal(*x.shape[:3], 2 * x.shape[3])[..., ::2],
        "part of a concatenation": normal(4, 8, *x.shape[2:])[:, 2:7],
        "part of one, channels_last": normal(4, 8, *x.shape[2:]).to(memory_format=torch.channels_last)[
            :, 2:7
        ],
    }
    for grad in grads.values():
        kept = x.clone()
        judged(kind, 2, slope, x, grad, affine=True)
        assert torch.equal(x, kept)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.1, 0.0])
@pytest.mark.parametrize(
    "shape", [(1, 5, 9, 11), (4, 5, 1, 99), (4, 5, 99, 1), (400, 5, 1, 1), (1, 5, 1, 300)], ids=str
)
@pytest.mark.parametrize("last", [False, True])
def test_dimensions_of_one(kind: str, slope: float, shape: tuple[int, ...], last: bool) -> None:
    """Where no step is taken strides say nothing: of the input, of the gradient, of a part of a concatenation."""
    if kind == "InstanceNorm" and shape[2:] == (1, 1):
        pytest.skip("one number has no variance")
    memory = torch.channels_last if last else torch.contiguous_format
    x, wide = normal(*shape).to(memory_format=memory), normal(shape[0], 8, *shape[2:], seed=1)
    for grad in (wide[:, 2:7], wide.to(memory_format=torch.channels_last)[:, 2:7], wide[:, :1].expand(shape)):
        judged(kind, 2, slope, x, grad, affine=True)


@pytest.mark.parametrize("kind", KINDS)
def test_one_channel(kind: str) -> None:
    for memory in (torch.channels_last, torch.contiguous_format):
        x = normal(4, 1, 9, 11).to(memory_format=memory)
        judged(kind, 2, 0.1, x, normal(4, 1, 9, 11, seed=1), affine=True, weights=(0.7,), biases=(0.2,))


@pytest.mark.parametrize("kind", KINDS)
def test_the_sum_of_the_output(kind: str) -> None:
    """A stride-0 gradient of ones: inplace_abn's numbers were wrong here."""
    for dim, shape in SHAPES.items():
        ours, plain = pair(kind, dim, 0.1, torch.float64, affine=True)
        x = normal(*shape, dtype=torch.float64)
        gradients = []
        for layer, weight in ((ours, ours.weight), (plain, plain.norm.weight)):
            leaf = x.clone().requires_grad_()
            gradients.append(torch.autograd.grad(layer(leaf).sum(), (leaf, weight)))
        for found, expected in zip(*gradients, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shape", [(600, 5, 0), (600, 5, 1), (60, 5, 7), (1, 5, 1023), (5, 5, 1023), (2, 5, 65537)], ids=str
)
def test_columns(kind: str, shape: tuple[int, ...]) -> None:
    x, grad = normal(*shape), normal(*shape, seed=1)
    plain = pair(kind, 1, 0.1, affine=True)[1]
    try:
        plain(x)
    except (ValueError, RuntimeError) as error:  # one value per channel has no variance
        with pytest.raises(type(error), match=re.escape(str(error))):
            pair(kind, 1, 0.1, affine=True)[0](x)
        assert shape[2] < 2
        return
    if not x.numel():  # torch's gradients of a group norm's weights are NaN there
        found, torchs = (step(layer, x, grad) for layer in pair(kind, 1, 0.1, affine=True))
        torch.testing.assert_close(found, torchs, equal_nan=True, rtol=0, atol=0)
        return
    judged(kind, 1, 0.1, x, grad, affine=True)


@pytest.mark.parametrize("slope", [0.1, 0.0])
def test_samples_without_space(slope: float) -> None:
    judged("BatchNorm", 1, slope, normal(600, 5), normal(600, 5, seed=1))
    judged("BatchNorm", 1, slope, normal(600, 5), normal(5, 600, seed=1).t())


@pytest.mark.parametrize("slope", [0.1, 0.0])
@pytest.mark.parametrize("layout", ["transposed", "sliced", "expanded"])
@needs_native
def test_samples_without_space_of_other_layouts(slope: float, layout: str) -> None:
    x = {
        "transposed": normal(5, 600).t(),
        "sliced": normal(600, 10)[:, ::2],
        "expanded": normal(600, 1).expand(600, 5),
    }[layout]
    judged("BatchNorm", 1, slope, x, normal(600, 5, seed=1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("slope", [0.01, 0.2, 1.0, 3.0])
def test_weights_at_the_edge_of_what_is_read_back(kind: str, dtype: torch.dtype, slope: float) -> None:
    """Just inside and just outside of |bias| = 3 |weight|, and weights near the smallest number."""
    tiny = torch.finfo(dtype).tiny
    weights = (0.5, -0.5, 0.01, tiny * 2 / min(slope, 1.0), tiny / 2)
    biases = (1.49, 1.51, -0.0299, 0.0, tiny / 4)
    x, grad = normal(8, 5, 16, 16, dtype=dtype), normal(8, 5, 16, 16, seed=1, dtype=dtype)
    judged(kind, 2, slope, x, grad, weights=weights, biases=biases, affine=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_half_precision_with_float32_weights(kind: str, dtype: torch.dtype, training: bool) -> None:
    """As under autocast."""
    x, grad = normal(8, 5, 16, 16, dtype=dtype), normal(8, 5, 16, 16, seed=1, dtype=dtype)
    layers = [*pair(kind, 2, 0.1, affine=True), pair(kind, 2, 0.1, affine=True)[1].double()]
    for layer in layers:
        layer.train(training)
    found, torchs = (step(layer, x, grad) for layer in layers[:2])
    truth = step(layers[2], x.double(), grad.double())
    for name in ("y", "x"):
        one = {name: found[name]}, {name: torchs[name]}, {name: truth[name]}
        within_torchs_own_error(*one, dtype)
    assert layers[0].weight.grad.dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("slope", [0.2, 0.0, -0.5])
def test_eval_mode_in_every_dimension(kind: str, dim: int, affine: bool, slope: float) -> None:
    shape = SHAPES[dim]
    x, grad = normal(*shape), normal(*shape, seed=1)
    layers = []
    for _ in range(2):
        for layer in pair(kind, dim, slope, affine=affine, track_running_stats=True):
            layer(normal(*shape, seed=7) * 2 + 1)
            layers.append(layer.eval())
    ours, torchs, _, truth = layers
    found, theirs = step(ours, x, grad), step(torchs, x, grad)
    within_torchs_own_error(found, theirs, step(truth.double(), x.double(), grad.double()), torch.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.1, 0.0])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_special_numbers_stay_in_their_group(kind: str, slope: float, dtype: torch.dtype) -> None:
    """Where torch gives NaN we do; the other channels and samples are as without."""
    for value in special(dtype)[torch.tensor([0, 1, 13])]:  # NaN and the infinities
        x = normal(4, 5, 9, 11, dtype=dtype)
        x[1, 2, 3, 4] = value
        ours, plain = pair(kind, 2, slope, dtype, weights=(1.0,) * 5, biases=(0.1,) * 5, affine=True)
        found, expected = step(ours, x, torch.ones_like(x)), step(plain, x, torch.ones_like(x))
        for name in ("y", "x"):
            assert torch.equal(found[name].isnan(), expected[name].isnan()), (name, value)
        assert torch.equal(found["weight"].isnan(), expected["weight"].isnan())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_channels_that_do_not_vary_and_channels_far_from_zero(kind: str, dtype: torch.dtype) -> None:
    x = normal(4, 5, 9, 11, dtype=dtype)
    x[:, 0] = 2.0
    x[:, 1] = 0.0
    x[:, 2] += 100
    options = {"weights": (1.0, -2.0, 1.0, 0.5, 1.0), "biases": (0.0, 0.1, 0.2, 0.0, -0.3), "affine": True}
    judged(kind, 2, 0.1, x, normal(4, 5, 9, 11, seed=1, dtype=dtype), **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("training", [True, False])
def test_without_gradients_the_same_numbers_and_statistics(kind: str, mode: Any, training: bool) -> None:
    layers = [pair(kind, 2, 0.1, affine=True, track_running_stats=True)[0].train(training) for _ in range(2)]
    x = normal(4, 5, 9, 11)
    with mode():
        y = layers[0](x)
    assert not y.requires_grad
    assert torch.equal(y.clone(), layers[1](x))
    for one, other in zip(layers[0].buffers(), layers[1].buffers(), strict=True):
        assert torch.equal(one, other)
        assert not one.is_inference()
