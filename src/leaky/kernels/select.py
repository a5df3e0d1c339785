"""Who serves a call, and why: the only place that decides between kernels.

`LAYERS` says which module has whose kernels, `serving(layer, x)` which of them serves a tensor, or why none does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NoReturn

import torch
from torch.autograd import forward_ad

from leaky.errors import ArgumentError, KernelError
from leaky.kernels import gpu, gpu_bias_act, gpu_layers, gpu_norms, native, native_bias_act, native_layers

Kernel = Literal["native", "triton", "plain", "torch", "formula"]
SMALL = 4096
"""Elements below which torch's own operation, which keeps its input, is faster than keeping bits."""

DTYPES = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})
TENSORS = (torch.Tensor, torch.nn.Parameter)


class Layer(NamedTuple):
    """The modules whose functions are a layer's kernels, and on which tensors they are worth a call."""

    native: Any
    triton: Any = None
    """None: there are none."""
    small: int = SMALL
    """Elements on a CPU below which torch's own operation serves. On a GPU: `gpu.SMALL`."""
    by_torch: frozenset[torch.dtype] = frozenset()
    """Dtypes that torch's operations serve as well, so that native kernels asked for by name are not missed there."""
    from_output: frozenset[torch.dtype] = frozenset()
    """Dtypes in which the output is kept, whoever serves, where others keep the input."""
    keeps: str = "one bit per element"
    """What kernels keep for backward."""
    keeps_in_triton: str = ""
    """The same of those in Triton, where it is something else."""
    keeps_in_torch: str = "its input"
    """What torch's own operation keeps."""


_WIDE = frozenset({torch.float32, torch.float64})
_OF_OUTPUT = Layer(None, by_torch=DTYPES, from_output=_WIDE, keeps="its output")
"""Torch's operations serve, given the output. In half precision it has too few digits of the slope near its end."""
LAYERS = {
    "relu": Layer(native, gpu, keeps_in_torch="its output"),
    "leaky_relu": Layer(native, gpu),
    "relu6": Layer(native_layers, gpu_layers),
    "hardtanh": Layer(native_layers, gpu_layers),
    "rrelu": Layer(
        native_layers,
        gpu_layers,
        small=0,
        keeps="one bit per element and a seed",
        keeps_in_torch="its input and the slopes drawn",
    ),
    "prelu": Layer(
        native_layers,
        gpu_layers,
        keeps="its output, and the input of channels whose slope is not above 0",
        keeps_in_triton="its input",
    ),
    "dropout": Layer(
        native_layers, small=2**16, keeps_in_torch="a mask, of numbers on a CPU and of bytes on a GPU"
    ),
    "elu": _OF_OUTPUT,
    "celu": _OF_OUTPUT,
    "selu": _OF_OUTPUT,
    "softplus": Layer(
        native_layers,
        gpu_layers,
        small=0,
        by_torch=frozenset({torch.float64}),
        from_output=DTYPES,
        keeps="its output",
    ),
    "bias_act": Layer(
        native_bias_act,
        gpu_bias_act,
        small=0,
        keeps="one bit per element, two with a slope and a clamp, none of one line; of a curve its input",
        keeps_in_torch="a byte where kernels keep a bit; of a curve its input",
    ),
    "norm_act": Layer(
        native,
        gpu_norms,
        small=256,
        keeps="its output or the norm's input, by its weights (the layer's own explain(x) tells)",
        keeps_in_triton="the norm's input",
        keeps_in_torch="the norm's input and its own output",
    ),
}
"""Every layer that keeps less than torch's. Where one module has a layer's own, the other may stand behind."""


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


def serving(
    layer: str, x: torch.Tensor, *others: torch.Tensor | None, small: int | None = None
) -> tuple[Any, str]:
    """The module whose kernels serve `layer` (of `LAYERS`) on `x`; or None, and why.

    `others` are tensors of the call that the kernels read too; `small` stands for the layer's own. Raises KernelError
    where kernels that LEAKY_KERNELS asks for cannot run, unless `x` is so small that they never do, or something
    looks at the call.
    """
    row = LAYERS[layer]
    in_triton = REQUESTED == "triton" or (x.is_cuda and REQUESTED != "native")
    if small is None:
        small = gpu.SMALL if in_triton and x.is_cuda else row.small
    reason = triton_obstacle(x, small) if in_triton else obstacle(x, small)
    if reason is None and in_triton and row.triton is None:
        missing(layer, x)
        return None, f"{layer} has no kernel in Triton"
    if reason is None and x.dtype in row.by_torch:
        return None, f"torch's own operations serve {x.dtype}"
    for other in others:
        if reason is None and other is not None:
            reason = _unreadable(other)
    if reason is None:
        return (row.triton if in_triton else row.native), ""
    if forced() and x.numel() >= small and not tracing():
        refuse(reason)
    return None, reason


def missing(what: str, x: torch.Tensor) -> None:
    """Raise where LEAKY_KERNELS asks for Triton and nobody has written `what`; small tensors are torch's anyway."""
    if REQUESTED == "triton" and x.numel() >= SMALL and not tracing():
        raise KernelError(f"LEAKY_KERNELS=triton: {what} has no kernel in Triton; leave LEAKY_KERNELS unset")


def forced() -> bool:
    """Whether LEAKY_KERNELS asks for kernels, so that only what they cannot do is left to torch, and raises."""
    return REQUESTED in ("native", "triton")


def refuse(reason: str) -> NoReturn:
    """Raise: the kernels that LEAKY_KERNELS asks for cannot serve a call."""
    kernels = "native" if REQUESTED == "native" else "Triton"
    raise KernelError(
        f"LEAKY_KERNELS={REQUESTED}: the {kernels} kernels cannot serve this call: {reason}; "
        "leave LEAKY_KERNELS unset"
    )


def triton_obstacle(x: torch.Tensor, small: int = 0) -> str | None:
    """The reason why the kernels in Triton do not serve `x`; None where they do. Never raises."""
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
        refuse(reason)
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


def _unreadable(other: torch.Tensor) -> str | None:
    """Why kernels cannot read a tensor beside the input."""
    if type(other) not in TENSORS:
        return f"{type(other).__name__} is a tensor subclass"
    if other.layout is not torch.strided or other.is_neg():
        return "a tensor beside the input is not strided, or a view whose sign is still to be changed"
    return None


def _unsuited(x: torch.Tensor, small: int, kernels: str) -> str | None:
    if x.dtype not in DTYPES:
        return f"dtype {x.dtype} has no {kernels} kernel"
    if x.is_neg():
        return "the input is a view whose sign is still to be changed"
    return f"{x.numel()} elements are fewer than {small}" if x.numel() < small else None
