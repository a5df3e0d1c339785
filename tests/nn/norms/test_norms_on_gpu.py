"""Norm and activation by the kernels in Triton, through the layers: on a GPU, else in the interpreter."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F
from twins import DTYPES, KINDS, pair, serve, step, within_torchs_own_error

import leaky
from leaky.kernels import gpu, gpu_norms

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
pytestmark = pytest.mark.usefixtures("gpu_or_interpreter")
SHAPE = (4, 5, 9, 11)


def numbers(shape: tuple[int, ...], seed: int, dtype: Any = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def held(kind: str, slope: float, x: torch.Tensor, grad: torch.Tensor, device: str, **options: Any) -> None:
    """One training step against float64, allowed twice what torch is off."""
    ours, plain = pair(kind, x.dim() - 2, slope, x.dtype, **options)
    truth = pair(kind, x.dim() - 2, slope, x.dtype, **options)[1].double()
    assert ours.to(device).explain(x.to(device)).kernel == "triton"
    found = {name: t.cpu() for name, t in step(ours, x.to(device), grad.to(device)).items()}
    within_torchs_own_error(found, step(plain, x, grad), step(truth, x.double(), grad.double()), x.dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_training_step(kind: str, dtype: torch.dtype, gpu_or_interpreter: str) -> None:
    slope = (0.01, 0.0, 1.0, -0.5)[(KINDS.index(kind) + DTYPES.index(dtype)) % 4]
    x = (numbers(SHAPE, 1) * 3 + 2).to(dtype)
    held(kind, slope, x, numbers(SHAPE, 2, dtype), gpu_or_interpreter, affine=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["channels last", "strided"])
def test_layouts(kind: str, layout: str, gpu_or_interpreter: str) -> None:
    x, grad = numbers(SHAPE, 1), torch.full((), 1.5).expand(SHAPE)
    if layout == "strided":
        x = numbers((4, 10, 9, 22), 1)[:, ::2, :, 1::2]
        grad = numbers((11, 9, 5, 4), 2).permute(3, 2, 1, 0)
    else:
        x = x.to(memory_format=torch.channels_last)
        there = x.to(gpu_or_interpreter)
        assert pair(kind, 2, 0.1)[0].to(gpu_or_interpreter)(there).stride() == x.stride()
    held(kind, 0.1, x, grad, gpu_or_interpreter, affine=False)


def test_without_space_and_in_three_dimensions(gpu_or_interpreter: str) -> None:
    held("BatchNorm", 0.2, numbers((60, 5), 1)[..., None], numbers((60, 5, 1), 2), gpu_or_interpreter)
    held("InstanceNorm", 0.2, numbers((2, 5, 3, 4, 5), 1), numbers((2, 5, 3, 4, 5), 2), gpu_or_interpreter)
    layer = leaky.nn.BatchNormAct1d(5).to(gpu_or_interpreter)
    x = numbers((60, 5), 1).to(gpu_or_interpreter)
    wanted = F.leaky_relu(F.batch_norm(x, None, None, training=True), 0.01)
    torch.testing.assert_close(layer(x), wanted)


@pytest.mark.parametrize("kind", ["BatchNorm", "InstanceNorm"])
def test_running_statistics_and_evaluation(kind: str, gpu_or_interpreter: str) -> None:
    ours, plain = pair(kind, 2, 0.1, affine=True, track_running_stats=True)
    ours.to(gpu_or_interpreter)
    for seed in (1, 2):
        ours(numbers(SHAPE, seed).to(gpu_or_interpreter) * 3)
        plain(numbers(SHAPE, seed) * 3)
    for name, buffer in plain.norm.named_buffers():
        torch.testing.assert_close(getattr(ours, name).cpu(), buffer, msg=name)
    x, grad = numbers(SHAPE, 3), numbers(SHAPE, 4)
    truth = pair(kind, 2, 0.1, affine=True, track_running_stats=True)[1]
    truth.load_state_dict(plain.state_dict())
    found = step(ours.eval(), x.to(gpu_or_interpreter), grad.to(gpu_or_interpreter))
    torchs, exact = step(plain.eval(), x, grad), step(truth.double().eval(), x.double(), grad.double())
    assert torch.allclose(torchs.pop("running_var"), found.pop("running_var").cpu())
    exact.pop("running_var")
    for one in (found, torchs, exact):
        one.pop("running_mean")
    within_torchs_own_error({name: t.cpu() for name, t in found.items()}, torchs, exact, x.dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.1, 0.0])
def test_any_order_and_many_gradients_at_once(kind: str, slope: float, gpu_or_interpreter: str) -> None:
    shape = (3, 5, 4, 5)
    ours, plain = (layer.double() for layer in pair(kind, 2, slope, affine=True))
    x, grad = numbers(shape, 1, torch.float64), numbers((2, *shape), 2, torch.float64)
    results = []
    for layer, device in ((ours.to(gpu_or_interpreter), gpu_or_interpreter), (plain, "cpu")):
        leaf = x.to(device).requires_grad_()
        y = layer(leaf)
        (first,) = torch.autograd.grad(y, leaf, grad[0].to(device), create_graph=True)
        second = torch.autograd.grad((first**2).sum(), [leaf, *layer.parameters()])
        (many,) = torch.autograd.grad(layer(leaf), leaf, grad.to(device), is_grads_batched=True)
        results.append([t.cpu() for t in (first, *second, many)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("slope", [0.1, 0.0])
def test_the_input_is_kept_and_nothing_else_of_its_size(slope: float, gpu_or_interpreter: str) -> None:
    layer = pair("BatchNorm", 2, slope, affine=True)[0].to(gpu_or_interpreter)
    x = numbers(SHAPE, 1).to(gpu_or_interpreter).requires_grad_()
    kept: list[int] = []

    def pack(t: torch.Tensor) -> torch.Tensor:
        kept.append(t.untyped_storage().data_ptr())
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = layer(x)
    assert x.untyped_storage().data_ptr() in kept
    assert y.untyped_storage().data_ptr() not in kept
    with torch.no_grad():
        y.mul_(2)  # so what follows may change it
    y.sum().backward()
    assert layer.explain(x).keeps == "the norm's input only"


def test_a_zero_weight_learns(gpu_or_interpreter: str) -> None:
    layer = leaky.nn.BatchNormAct2d(5, activation="leaky_relu(negative_slope=0.1)").to(gpu_or_interpreter)
    torch.nn.init.zeros_(layer.weight)
    x, grad = (numbers(SHAPE, seed).to(gpu_or_interpreter) for seed in (1, 2))
    layer(x).backward(grad)
    leaf = torch.zeros(5, device=x.device).requires_grad_()
    F.leaky_relu(F.batch_norm(x, None, None, leaf, None, True), 0.1).backward(grad)
    torch.testing.assert_close(layer.weight.grad, leaf.grad)


def test_nan_and_infinity(gpu_or_interpreter: str) -> None:
    x = numbers(SHAPE, 1)
    x[0, 1, 2, 3], x[1, 3, 0, 0] = torch.nan, torch.inf
    y = leaky.nn.BatchNormAct2d(5).to(gpu_or_interpreter)(x.to(gpu_or_interpreter)).isnan().cpu()
    assert [bool(y[:, channel].all()) for channel in range(5)] == [False, True, False, True, False]
    assert int(y.sum()) == 2 * y[:, 0].numel()


def test_small_inputs_and_what_torch_has_words_for(gpu_or_interpreter: str) -> None:
    layer = leaky.nn.BatchNormAct2d(5).to(gpu_or_interpreter)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        layer(torch.ones(1, 5, 1, 1, device=gpu_or_interpreter))
    with pytest.raises(ValueError, match="expected 4D input"):
        layer(torch.ones(300, 5, device=gpu_or_interpreter))
    assert layer(torch.ones(0, 5, 3, 3, device=gpu_or_interpreter)).shape == (0, 5, 3, 3)


@needs_gpu
@pytest.mark.gpu  # the device's queue
def test_nothing_waits_for_the_device(monkeypatch: Any) -> None:
    serve(None, monkeypatch)
    layers = [leaky.nn.BatchNormAct2d(8), leaky.nn.InstanceNormAct2d(8), leaky.nn.GroupNormAct(2, 8)]
    x = torch.randn(4, 8, 64, gpu.SMALL // 512, device="cuda", requires_grad=True)
    for layer in layers:
        layer.cuda()(x).sum().backward()
        torch.cuda.set_sync_debug_mode("error")
        try:
            layer(x).sum().backward()
        finally:
            torch.cuda.set_sync_debug_mode("default")


@needs_gpu
@pytest.mark.gpu  # its memory
@pytest.mark.parametrize("shape", [(2**10, 2**10, 2**11 + 5), (2, 3, 2**29 + 7)], ids=str)
def test_more_elements_than_32_bits_count(shape: tuple[int, int, int]) -> None:
    if torch.cuda.mem_get_info()[0] < 24 * 2**30:
        pytest.skip("needs 24 GiB of free memory on the device")
    n, c, s = shape
    x = torch.randn(n, c, s, device="cuda", dtype=torch.bfloat16)
    y, mean, var = torch.empty_like(x), *torch.empty(2, c, device="cuda")
    gpu_norms.norm_act_forward(x, y, None, None, mean, var, 1e-5, 0.1, n, c, s, False, 0, False)
    last = x[-1, -1].float()
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-2, rtol=0)
    z = (last - mean[-1]) / (var[-1] + 1e-5).sqrt()
    torch.testing.assert_close(y[-1, -1], F.leaky_relu(z, 0.1).bfloat16())
