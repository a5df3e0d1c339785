"""Who serves a call, and why: the only place that decides between kernels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import torch
from torch.autograd import forward_ad

from leaky.errors import ArgumentError, KernelError
from leaky.kernels import native

Kernel = Literal["native", "plain", "torch", "formula"]
SMALL = 4096
"""Elements below which torch's own operation, which keeps its input, is faster than keeping bits."""

DTYPES = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})
TENSORS = (torch.Tensor, torch.nn.Parameter)


@dataclass(frozen=True)
class Choice:
    """The kernel that serves a call, why, and what it keeps for backward."""

    kernel: Kernel
    reason: str
    keeps: str

    def __str__(self) -> str:
        return f"{self.kernel}: {self.reason}; keeps {self.keeps} for backward"


def requested(environment: str | None = None) -> Kernel | None:
    """The kernel forced by `LEAKY_KERNELS`, if any."""
    value = os.environ.get("LEAKY_KERNELS", "") if environment is None else environment
    if value not in ("", "native", "plain"):
        raise ArgumentError(f"LEAKY_KERNELS: must be native, plain or unset, got {value!r}")
    if value == "native" and not native.available():
        raise KernelError(f"LEAKY_KERNELS=native: the native kernels cannot run: {native.why_not()}")
    return value or None  # type: ignore[return-value]


REQUESTED: Kernel | None = requested()


_functorch = torch._C._are_functorch_transforms_active
_jit_trace = torch._C._get_tracing_state
_dispatch_modes = torch._C._len_torch_dispatch_stack


def tracing() -> bool:
    """Whether something looks at the call that native kernels are invisible to.

    That is torch.compile, torch.export, torch.jit, make_fx and other dispatch modes, a functorch transform (vmap,
    grad), or forward-mode differentiation.
    """
    return (
        torch.compiler.is_compiling()
        or _functorch()
        or _jit_trace() is not None
        or _dispatch_modes() > 0
        or forward_ad._current_level >= 0
    )


def why_not_native(x: torch.Tensor, small: int = SMALL) -> str | None:
    """The reason why the native kernels do not serve `x`; None where they do. Raises where they are forced."""
    reason = obstacle(x, small)
    if reason is not None and REQUESTED == "native" and x.numel() >= small and not tracing():
        raise KernelError(f"LEAKY_KERNELS=native: the native kernels cannot serve this call: {reason}")
    return reason


def obstacle(x: torch.Tensor, small: int = 0) -> str | None:
    """As `why_not_native`, and never raises."""
    if tracing():
        return "a compiler, a transform or a dispatch mode looks at the call"
    if REQUESTED == "plain":
        return "LEAKY_KERNELS=plain"
    if type(x) not in TENSORS:
        return f"{type(x).__name__} is a tensor subclass"
    if not x.is_cpu or x.layout is not torch.strided:
        return f"the input is a {x.layout} tensor on {x.device}".replace("torch.", "")
    if x.dtype not in DTYPES:
        return f"dtype {x.dtype} has no native kernel"
    if x.numel() < small:
        return f"{x.numel()} elements are fewer than {small}"
    if not native.available():
        return f"the native kernels are missing ({native.why_not()})"
    return None


def explain(operation: str, x: torch.Tensor, *, negative_slope: float = 0.01) -> Choice:
    """Which kernel serves `operation` ("relu" or "leaky_relu") on `x`, why, and what is kept for backward.

    Norm and activation in one: ask the module, `leaky.nn.BatchNormAct2d(...).explain(x)`. Other entries:
    `leaky.kernels.tensors`.

    Example:
        >>> import torch, leaky
        >>> print(leaky.kernels.explain("relu", torch.ones(3)))
        torch: 3 elements are fewer than 4096; keeps its output for backward
    """
    if operation not in ("relu", "leaky_relu"):
        raise ArgumentError(f"explain: `operation` must be relu or leaky_relu, got {operation!r}")
    reason = why_not_native(x)
    if reason is None:
        return Choice("native", "a CPU tensor of a supported dtype", "one bit per element")
    if operation == "relu":
        return Choice("torch", reason, "its output")
    if tracing() or x.numel() < SMALL:
        return Choice("torch", reason, "its input")
    return Choice("plain", reason, "its output" if negative_slope >= 0 else "one byte per element")
