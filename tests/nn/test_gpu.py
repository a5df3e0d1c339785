"""Leaky ReLU and ReLU by the kernels in Triton, through the public functions: on a GPU, else in the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from twins import DTYPES, both_ways, normal, same_bits, serve, special

import leaky
from leaky.kernels import gpu

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
COUNT = 9001


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("LEAKY_KERNELS", "TRITON_INTERPRET")}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**clean, **environment}
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("slope", [0.01, -0.3, None])
@pytest.mark.parametrize("inplace", [False, True])
def test_the_cpus_numbers(
    dtype: torch.dtype, slope: float | None, inplace: bool, gpu_or_interpreter: str
) -> None:
    few = special(dtype)
    x = torch.cat([few.repeat_interleave(len(few)), normal(COUNT, dtype=dtype)])
    grad = torch.cat([few.repeat(len(few)), normal(COUNT, seed=1, dtype=dtype)])
    nn = leaky.nn.functional
    ours: Any = (
        (lambda t: nn.relu(t, inplace)) if slope is None else (lambda t: nn.leaky_relu(t, slope, inplace))
    )
    torchs: Any = F.relu if slope is None else (lambda t: F.leaky_relu(t, slope))
    there = both_ways(ours, x.to(gpu_or_interpreter), grad.to(gpu_or_interpreter))
    for found, wanted in zip(there, both_ways(torchs, x, grad), strict=True):
        assert same_bits(found.cpu(), wanted)


@pytest.mark.parametrize("other", ["same", "expanded", "strided"])
def test_layouts(other: str, gpu_or_interpreter: str) -> None:
    images = normal(2, 8, 9, 7).to(gpu_or_interpreter)
    for x in (images.to(memory_format=torch.channels_last), images[:, ::2, 1:], images.permute(3, 0, 2, 1)):
        grad = {
            "same": torch.ones_like(x) * 2,
            "expanded": torch.full((), 2.0, device=x.device).expand(x.shape),
            "strided": torch.full([2 * size for size in x.shape], 2.0, device=x.device)[::2, ::2, ::2, ::2],
        }[other]
        leaf = x.detach().requires_grad_()
        y = leaky.nn.functional.leaky_relu(leaf, 0.1)
        (found,) = torch.autograd.grad(y, leaf, grad)
        assert torch.equal(y, F.leaky_relu(x, 0.1))
        assert torch.equal(found, torch.where(x > 0, 2.0, 2 * torch.tensor(0.1, device=x.device)))
        assert y.stride() == F.leaky_relu(x, 0.1).stride()


@pytest.mark.parametrize("slope", [0.1, -0.3])
def test_any_order_and_many_gradients_at_once(slope: float, gpu_or_interpreter: str) -> None:
    x = normal(201, dtype=torch.float64)
    x = (x + 0.1 * x.sign()).to(gpu_or_interpreter).requires_grad_()

    def function(t: torch.Tensor) -> torch.Tensor:
        return leaky.nn.functional.leaky_relu(t * 1, slope) * t

    assert torch.autograd.gradcheck(function, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, x, fast_mode=True)
    y = leaky.nn.functional.leaky_relu(x, slope)
    many = torch.eye(201, dtype=torch.float64, device=x.device)
    (found,) = torch.autograd.grad(y, x, many, is_grads_batched=True)
    assert torch.equal(found, torch.diag(torch.where(x > 0, torch.ones_like(x), slope)))


def test_one_bit_per_element_is_kept(gpu_or_interpreter: str) -> None:
    x = normal(64, 1000).to(gpu_or_interpreter).requires_grad_()
    kept: list[int] = []

    def pack(t: torch.Tensor) -> torch.Tensor:
        kept.append(t.untyped_storage().nbytes())
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        leaky.nn.functional.leaky_relu(x)
    assert kept == [64 * 1000 // 8]


def test_explain(gpu_or_interpreter: str, monkeypatch: Any) -> None:
    x = normal(COUNT).to(gpu_or_interpreter)
    choice = leaky.kernels.explain("leaky_relu", x)
    assert (choice.kernel, choice.keeps) == ("triton", "one bit per element")
    serve("plain", monkeypatch)
    assert leaky.kernels.explain("leaky_relu", x).reason == "LEAKY_KERNELS=plain"


def test_forced_where_it_cannot_run(monkeypatch: Any) -> None:
    serve("triton", monkeypatch)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(leaky.errors.KernelError) as raised:
        leaky.nn.functional.leaky_relu(normal(COUNT).requires_grad_())
    assert str(raised.value) == (
        "LEAKY_KERNELS=triton: the Triton kernels cannot serve this call: "
        "Triton runs on CPU tensors with TRITON_INTERPRET=1 alone; leave LEAKY_KERNELS unset"
    )


def test_forced_by_the_environment() -> None:
    program = """
import sys, torch, leaky
import leaky.nn
assert "triton" not in sys.modules, "imported before a kernel was asked for"
x = torch.arange(-2500.0, 2501.0, requires_grad=True)
print(leaky.kernels.explain("leaky_relu", x))
leaky.nn.functional.leaky_relu(x, 0.25).sum().backward()
print(x.grad.sum().item())
"""
    pytest.importorskip("triton")
    done = run(program, LEAKY_KERNELS="triton", TRITON_INTERPRET="1")
    assert done.stdout.splitlines() == [
        "triton: a CPU tensor of a supported dtype, in Triton's interpreter; keeps one bit per element for backward",
        str(2500 + 0.25 * 2501),
    ], done.stderr
    done = run("import leaky.nn", LEAKY_KERNELS="tritn")
    assert "LEAKY_KERNELS: must be native, triton, plain or unset, got 'tritn'" in done.stderr


def test_the_interpreter_does_not_serve_unasked(monkeypatch: Any) -> None:
    serve(None, monkeypatch)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert leaky.kernels.explain("leaky_relu", normal(COUNT)).kernel != "triton"


@needs_gpu
@pytest.mark.gpu  # the device's queue and its memory
def test_nothing_waits_for_the_device(monkeypatch: Any) -> None:
    serve(None, monkeypatch)
    x = torch.randn(2 * gpu.SMALL, device="cuda", requires_grad=True)
    leaky.nn.functional.leaky_relu(x, 0.1).sum().backward()
    torch.cuda.set_sync_debug_mode("error")
    try:
        leaky.nn.functional.leaky_relu(x, 0.1).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@needs_gpu
@pytest.mark.gpu  # 12 GiB of the device's memory
def test_more_elements_than_32_bits_count(monkeypatch: Any) -> None:
    serve(None, monkeypatch)
    if torch.cuda.mem_get_info()[0] < 16 * 2**30:
        pytest.skip("needs 16 GiB of free memory on the device")
    few = normal(8191, dtype=torch.bfloat16).cuda()
    x = few.repeat(2**31 // 8191 + 1).requires_grad_()
    y = leaky.nn.functional.leaky_relu(x, -0.3)
    assert bool((y.detach().view(-1, 8191) == F.leaky_relu(few, -0.3)).all())
    (found,) = torch.autograd.grad(y, x, y.detach())
    wanted = torch.ops.aten.leaky_relu_backward(F.leaky_relu(few, -0.3), few, -0.3, False)
    assert bool((found.view(-1, 8191) == wanted).all())


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.gpu  # a device that is not the current one
def test_another_device(monkeypatch: Any) -> None:
    serve(None, monkeypatch)
    x = normal(2 * gpu.SMALL).to("cuda:1").requires_grad_()
    y = leaky.nn.functional.leaky_relu(x, 0.1)
    y.sum().backward()
    assert torch.equal(y, F.leaky_relu(x, 0.1))
    assert torch.equal(x.grad, torch.where(x > 0, 1.0, torch.tensor(0.1, device="cuda:1")))  # type: ignore[arg-type]
