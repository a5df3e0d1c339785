"""The kernels in Triton, for tensors on a GPU: the calls of `native`, with the same numbers and the same bits.

The caller guarantees the layout: every tensor dense, on one device, the outputs of the inputs' shape and order.
Nothing is allocated here and nothing waits for the device. Triton is imported at the first call that it serves, and
compiles a kernel for each dtype at the first call of that dtype (a fraction of a second, kept on disk).
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from typing import Any

import torch

BLOCK, WARPS = 4096, 8
"""Elements a program takes, and its warps: 2 to 4 vectors of 16 bytes a thread in flight, 16 KiB a program at most.

Eight such programs fit a multiprocessor of an H100 and keep five times as many bytes on the way as its memory needs
to be busy. Chosen, not tuned at each call: that would cost more than these kernels take.
"""
SMALL = 65536
"""Elements below which torch's own operation serves: what it takes is less than a launch from Python.

Reasoned, not yet measured on a device: `benchmarks/bench_gpu.py` prints the crossover.
"""
LEAST_CAPABILITY = (8, 0)
"""What Triton supports of NVIDIA's devices; bfloat16 is from there on too."""


@functools.cache
def available() -> bool:
    """Whether Triton is installed; it is not imported here."""
    return importlib.util.find_spec("triton") is not None


def interpreted() -> bool:
    """Whether Triton runs kernels in its interpreter, on CPU tensors: TRITON_INTERPRET=1 in the environment."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "yes", "on", "y")


def why_not(x: torch.Tensor) -> str | None:
    """Why these kernels cannot run on the device of `x`; None where they can."""
    if not available():
        return "Triton is not installed: pip install 'leaky[gpu]'"
    if x.is_cpu:
        return None if interpreted() else "Triton runs on CPU tensors with TRITON_INTERPRET=1 alone"
    if not x.is_cuda:
        return f"Triton's kernels here are for CUDA devices, not {x.device.type}"
    return _why_not_device(x.get_device())


@functools.cache
def _why_not_device(index: int) -> str | None:
    capability = torch.cuda.get_device_capability(index)
    if torch.version.hip is None and capability < LEAST_CAPABILITY:
        return f"compute capability {'.'.join(map(str, capability))} is below 8.0, which Triton supports"
    return None


def leaky_relu_forward(
    x: torch.Tensor,
    out: torch.Tensor,
    negative_slope: float,
    mask: torch.Tensor | None,
    *,
    relu: bool = False,
) -> None:
    """out = x if x > 0 else negative_slope * x, element by element in memory; `out` may be `x`.

    `mask` (uint8, ceil(numel / 8) bytes) gets bit i % 8 of byte i // 8 = x > 0. With `relu`: torch.relu to the bit,
    and the bit is not (x <= 0), as its backward decides.
    """
    count = x.numel()
    if count:
        kernel = kernels("elementwise").forward
        launch(kernel, x, count, x, out, mask, negative_slope, count, RELU=relu, WORK=work_dtype(x))


def leaky_relu_backward(
    grad: torch.Tensor,
    mask: torch.Tensor,
    out: torch.Tensor,
    negative_slope: float,
    *,
    relu: bool = False,
) -> None:
    """out = grad where the bit is set, else negative_slope * grad (`relu`: 0); `out` may be `grad`."""
    count = grad.numel()
    if count:
        kernel = kernels("elementwise").backward
        launch(kernel, grad, count, grad, mask, out, negative_slope, count, RELU=relu, WORK=work_dtype(grad))


@functools.cache
def kernels(subject: str) -> Any:
    """The kernels of leaky/kernels/triton/SUBJECT.py; this imports Triton."""
    return importlib.import_module(f"leaky.kernels.triton.{subject}")


@functools.cache
def _language() -> Any:
    return importlib.import_module("triton.language")


def work_dtype(x: torch.Tensor) -> Any:
    """What numbers of x's dtype are computed in, as Triton names it."""
    return _language().float64 if x.dtype is torch.float64 else _language().float32


def launch(kernel: Any, x: torch.Tensor, count: int, *arguments: Any, **constants: Any) -> None:
    """Run `kernel` over `count` elements in blocks."""
    run(kernel, x, -(-count // BLOCK), *arguments, BLOCK=BLOCK, num_warps=WARPS, **constants)


def run(kernel: Any, x: torch.Tensor, programs: int, *arguments: Any, **constants: Any) -> None:
    """Run `programs` of `kernel` on the device of x and its current stream.

    A multiplication and an addition stay two roundings, as in torch and in the kernels for CPUs.
    """
    if x.is_cuda and x.get_device() != torch.cuda.current_device():
        with torch.cuda.device(x.device):
            kernel[(programs,)](*arguments, enable_fp_fusion=False, **constants)
    else:
        kernel[(programs,)](*arguments, enable_fp_fusion=False, **constants)
