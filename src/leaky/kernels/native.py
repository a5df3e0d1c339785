"""The native CPU kernels for torch's tensors, where they are built: thin calls that pass addresses and sizes.

The caller guarantees the layout: every tensor dense, on the CPU, the outputs of the inputs' shape and order. Nothing
is allocated here, and importing this module imports neither torch nor NumPy. For NumPy's arrays: `native_arrays`.
"""

from __future__ import annotations

import functools
import importlib
import sys
from typing import TYPE_CHECKING, Any

from leaky.errors import ArgumentTypeError
from leaky.kernels.threads import torch_parallel

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

_MODULE: Any = None
_WHY_NOT = ""
try:
    _MODULE = importlib.import_module("leaky.kernels._native")
except ModuleNotFoundError as error:
    _WHY_NOT = (
        "leaky was installed without its compiled part; reinstall it where a C++17 compiler is"
        if error.name == "leaky.kernels._native"
        else str(error)
    )
except ImportError as error:
    _WHY_NOT = str(error)

_LEAKY, _RELU = 0, 1
_CODES = {"torch.float32": 0, "torch.float64": 1, "torch.bfloat16": 2, "torch.float16": 3}
_DTYPES: dict[Any, int] = {}


def compiled() -> Any:
    """The compiled module itself."""
    return _MODULE


def available() -> bool:
    """Whether the compiled kernels can be used."""
    return _MODULE is not None


def why_not() -> str:
    """Why they cannot; empty where they can."""
    return _WHY_NOT


def level() -> str:
    """The instruction set in use: avx512, avx2 or baseline. `LEAKY_NATIVE_LEVEL` asks for a lower one at import."""
    name: str = _MODULE.level()
    return name


def leaky_relu_forward(
    x: torch.Tensor,
    out: torch.Tensor,
    negative_slope: float,
    mask: torch.Tensor | None,
    *,
    relu: bool = False,
    threads: int | None = None,
) -> None:
    """out = x if x > 0 else negative_slope * x, element by element in memory; `out` may be `x`.

    `mask` (uint8, ceil(numel / 8) bytes) gets bit i % 8 of byte i // 8 = x > 0. With `relu`: torch.relu to the bit,
    and the bit is not (x <= 0), as its backward decides.
    """
    _MODULE.forward(
        x.data_ptr(),
        out.data_ptr(),
        0 if mask is None else mask.data_ptr(),
        x.numel(),
        _same_dtype(x, out),
        negative_slope,
        _RELU if relu else _LEAKY,
        _threads(threads),
    )


def leaky_relu_backward(
    grad: torch.Tensor,
    mask: torch.Tensor,
    out: torch.Tensor,
    negative_slope: float,
    *,
    relu: bool = False,
    threads: int | None = None,
) -> None:
    """out = grad where the bit is set, else negative_slope * grad (`relu`: 0); `out` may be `grad`."""
    _MODULE.backward(
        grad.data_ptr(),
        mask.data_ptr(),
        out.data_ptr(),
        grad.numel(),
        _same_dtype(grad, out),
        negative_slope,
        _RELU if relu else _LEAKY,
        _threads(threads),
    )


def norm_act_forward(
    x: torch.Tensor,
    out: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    var: torch.Tensor,
    eps: float,
    negative_slope: float,
    n: int,
    c: int,
    s: int,
    channels_last: bool,
    groups: int,
    given: bool,
    threads: int | None = None,
    *,
    running: tuple[torch.Tensor, torch.Tensor] | None = None,
    momentum: float = 0.0,
) -> None:
    """Normalise x, (n, c, s) in memory or (n, s, c) with `channels_last`, and apply leaky ReLU.

    Slope 1 is no activation, slope 0 ReLU. `groups` 0: statistics of each channel over n and s; else of each of so
    many groups of a sample's channels (c: each channel). `mean` and `var` (biased; float32, float64 for float64) are
    filled, c or n * groups entries; with `given` they are read (per instance c entries will do). `out` may be `x`;
    None: statistics only.
    `running`, a mean and a variance of one dtype, moves towards the batch's (its variance unbiased) by `momentum`.
    """
    _MODULE.norm_forward(
        x.data_ptr(),
        _address(out),
        _address(weight),
        _address(bias),
        mean.data_ptr(),
        var.data_ptr(),
        eps,
        negative_slope,
        n,
        c,
        s,
        channels_last,
        0 if given and groups == c == mean.numel() else groups,
        given,
        0 if running is None else running[0].data_ptr(),
        0 if running is None else running[1].data_ptr(),
        momentum,
        0 if running is None else _same_dtype(*running),
        _dtype(x) if out is None else _same_dtype(x, out),
        _weight_dtype(weight, bias),
        _threads(threads),
    )


def norm_act_backward(
    grad: torch.Tensor,
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    kept_index: torch.Tensor | None,
    grad_x: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    var: torch.Tensor,
    grad_weight: torch.Tensor | None,
    grad_bias: torch.Tensor | None,
    eps: float,
    negative_slope: float,
    n: int,
    c: int,
    s: int,
    channels_last: bool,
    groups: int,
    given: bool,
    threads: int | None = None,
    *,
    averages: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> None:
    """The gradients of `norm_act_forward` from its output y, or from its input for the channels that kept it.

    `kept` is (n, k, s) in y's order; channel ch stands at `kept_index[ch]` (int32 or int64; < 0: not kept). Without
    an index all channels are there, and y may be None. Reading xhat from y needs negative_slope > 0 and weight != 0.
    `averages` (mean's dtype, c entries; `groups` 0) are those of z's gradient, and of that times xhat, over more than
    this call sees, instead of its own. `grad_x` (may be `grad`), `grad_weight` and `grad_bias` (mean's dtype, c
    entries) are filled where given.
    """
    _MODULE.norm_backward(
        grad.data_ptr(),
        _address(y),
        _address(kept),
        _address(kept_index),
        kept_index is not None and kept_index.element_size() == 8,
        0 if kept is None else kept.numel() // max(n * s, 1),
        _address(grad_x),
        _address(weight),
        _address(bias),
        mean.data_ptr(),
        var.data_ptr(),
        0 if averages is None else averages[0].data_ptr(),
        0 if averages is None else averages[1].data_ptr(),
        _address(grad_weight),
        _address(grad_bias),
        eps,
        negative_slope,
        n,
        c,
        s,
        channels_last,
        0 if given and groups == c == mean.numel() else groups,
        given,
        _dtype(grad),
        _weight_dtype(weight, bias),
        _threads(threads),
    )


def norm_act_lossy(
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    channels: int,
    negative_slope: float,
    limit: float,
    tiny: float,
    places: torch.Tensor | None = None,
) -> int:
    """How many channels' x cannot be read back from y; `places` (int32, one entry a channel) numbers them, others -1.

    Those where (|weight| + |bias|) / |weight| is above `limit`, or |weight| * min(negative_slope, 1) below `tiny`.
    """
    count: int = _MODULE.norm_lossy(
        _address(weight),
        _address(bias),
        _weight_dtype(weight, bias),
        channels,
        negative_slope,
        limit,
        tiny,
        _address(places),
    )
    return count


def unit_sums(
    x: torch.Tensor, out: torch.Tensor, n: int, c: int, s: int, columns: bool, threads: int | None = None
) -> None:
    """Counts and sums of each unit of x, (n, c, s) in memory or (n, s, c) with `columns`, in one reading.

    `out` (float64, 6 rows of n * c): how many are above 0 and below it; the sums of those above and of those below;
    the sums of their squares. NaN and infinities show in the sums.
    """
    _MODULE.unit_sums(x.data_ptr(), out.data_ptr(), n, c, s, columns, _dtype(x), _threads(threads))


def _address(tensor: torch.Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


@functools.cache
def torch_threads() -> Callable[[], int]:
    """torch.get_num_threads; from now on the kernels run on torch's threads."""
    _MODULE.borrow(torch_parallel())  # once: a forked child starts without, and keeps to threads of its own
    count: Callable[[], int] = sys.modules["torch"].get_num_threads
    return count


def _threads(threads: int | None) -> int:
    return torch_threads()() if threads is None else threads


def _dtype(tensor: torch.Tensor) -> int:
    code = _DTYPES.get(tensor.dtype)
    if code is None:
        code = _CODES.get(str(tensor.dtype))
        if code is None:
            raise ArgumentTypeError(
                f"leaky.kernels.native: dtype must be float32, float64, bfloat16 or float16, got {tensor.dtype}"
            )
        _DTYPES[tensor.dtype] = code
    return code


def _same_dtype(x: torch.Tensor, out: torch.Tensor) -> int:
    if x is out:
        return _dtype(x)
    if x.dtype != out.dtype or x.numel() != out.numel():
        raise ArgumentTypeError(
            f"leaky.kernels.native: `out` must have {x.numel()} elements of {x.dtype}, "
            f"got {out.numel()} of {out.dtype}"
        )
    return _dtype(x)


def _weight_dtype(weight: torch.Tensor | None, bias: torch.Tensor | None) -> int:
    if weight is not None and bias is not None and weight.dtype != bias.dtype:
        raise ArgumentTypeError(
            f"leaky.kernels.native: `weight` and `bias` must share a dtype, got {weight.dtype} and {bias.dtype}"
        )
    some = weight if weight is not None else bias
    return 0 if some is None else _dtype(some)
