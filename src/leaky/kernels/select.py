"""Who serves a call, and why: the only place that decides between kernels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.autograd import forward_ad

from leaky.errors import ArgumentError, KernelError
from leaky.kernels import gpu, native

Kernel = Literal["native", "triton", "plain", "torch", "formula"]
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
    if value not in ("", "native", "triton", "plain"):
        raise ArgumentError(f"LEAKY_KERNELS: must be native, triton, plain or unset, got {value!r}")
    if value == "triton" and not gpu.available():
        raise KernelError("LEAKY_KERNELS=triton: Triton is not installed: pip install 'leaky[gpu]'")
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


def kernels_for(x: torch.Tensor) -> Any:
    """The module whose kernels serve `x`, `native` or `gpu`; None where neither does. Raises where one is forced."""
    return serving(x)[0]


def serving(x: torch.Tensor, small: int = SMALL) -> tuple[Any, str]:
    """`kernels_for`, and the reason where there are none. On a GPU tensors are small below `gpu.SMALL`."""
    if REQUESTED == "triton" or (x.is_cuda and REQUESTED != "native"):
        reason = why_not_triton(x, gpu.SMALL if x.is_cuda else small)
        return (gpu, "") if reason is None else (None, reason)
    reason = why_not_native(x, small)
    return (native, "") if reason is None else (None, reason)


def why_not_triton(x: torch.Tensor, small: int = 0) -> str | None:
    """The reason why the kernels in Triton do not serve `x`; None where they do. Raises where they are forced."""
    reason = triton_obstacle(x, small)
    if reason is not None and REQUESTED == "triton" and x.numel() >= small and not tracing():
        raise KernelError(f"LEAKY_KERNELS=triton: the Triton kernels cannot serve this call: {reason}")
    return reason


def triton_obstacle(x: torch.Tensor, small: int = 0) -> str | None:
    """As `why_not_triton`, and never raises."""
    reason = _no_kernel(x)
    if reason is not None:
        return reason
    if x.layout is not torch.strided:
        return f"the input is a {x.layout} tensor".replace("torch.", "")
    if REQUESTED != "triton" and gpu.interpreted():
        return "Triton's interpreter serves with LEAKY_KERNELS=triton alone"
    return _unsuited(x, small, "Triton") or gpu.why_not(x)


_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)


def compiled() -> bool:
    """Whether torch.compile traces the call, and neither an export nor a functorch transform does."""
    return torch.compiler.is_compiling() and not _exporting() and not _functorch()


def why_not_native(x: torch.Tensor, small: int = SMALL) -> str | None:
    """The reason why the native kernels do not serve `x`; None where they do. Raises where they are forced."""
    reason = obstacle(x, small)
    if reason is not None and REQUESTED == "native" and x.numel() >= small and not tracing():
        raise KernelError(f"LEAKY_KERNELS=native: the native kernels cannot serve this call: {reason}")
    return reason


def obstacle(x: torch.Tensor, small: int = 0) -> str | None:
    """As `why_not_native`, and never raises."""
    reason = _no_kernel(x)
    if reason is not None:
        return reason
    if REQUESTED == "triton":
        return "LEAKY_KERNELS=triton"
    if not x.is_cpu or x.layout is not torch.strided:
        return f"the input is a {x.layout} tensor on {x.device}".replace("torch.", "")
    reason = _unsuited(x, small, "native")
    if reason is not None:
        return reason
    if not native.available():
        return f"the native kernels are missing ({native.why_not()})"
    return None


def _no_kernel(x: torch.Tensor) -> str | None:
    if tracing():
        return "a compiler, a transform or a dispatch mode looks at the call"
    if REQUESTED == "plain":
        return "LEAKY_KERNELS=plain"
    return None if type(x) in TENSORS else f"{type(x).__name__} is a tensor subclass"


def _unsuited(x: torch.Tensor, small: int, kernels: str) -> str | None:
    if x.dtype not in DTYPES:
        return f"dtype {x.dtype} has no {kernels} kernel"
    if x.is_neg():
        return "the input is a view whose sign is still to be changed"
    return f"{x.numel()} elements are fewer than {small}" if x.numel() < small else None


_BITS = "one bit per element"


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
    kernels, reason = serving(x)
    if kernels is native:
        return Choice("native", "a CPU tensor of a supported dtype", _BITS)
    if kernels is gpu:
        how = f"a {x.device.type.upper()} tensor of a supported dtype"
        return Choice("triton", f"{how}, in Triton's interpreter" if gpu.interpreted() else how, _BITS)
    if operation == "relu":
        return Choice("torch", reason, "its output")
    if tracing() or x.numel() < SMALL:
        return Choice("torch", reason, "its input")
    return Choice("plain", reason, "its output" if negative_slope >= 0 else "one byte per element")
