"""The native kernels of layers besides (leaky) ReLU and norms, for torch's tensors: addresses and sizes, as `native`.

Every tensor is dense and on the CPU, outputs have the inputs' shape and order, and nothing is allocated here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.kernels import native
from leaky.kernels.native import leaky_relu_backward as leaky_relu_backward

if TYPE_CHECKING:
    import torch


def clamp_forward(
    x: torch.Tensor,
    out: torch.Tensor,
    low: float,
    high: float,
    mask: torch.Tensor | None,
    threads: int | None = None,
) -> None:
    """out = torch.nn.functional.hardtanh(x, low, high) to the bit; `out` may be `x`.

    `mask` (uint8, ceil(numel / 8) bytes) gets bit i % 8 of byte i // 8 = not (x <= low or x >= high), as torch's
    backward decides. The way back is `leaky_relu_backward(..., relu=True)`.
    """
    native.compiled().clamp(
        x.data_ptr(),
        out.data_ptr(),
        native._address(mask),
        x.numel(),
        native._same_dtype(x, out),
        low,
        high,
        native._threads(threads),
    )


def softplus_backward(
    grad: torch.Tensor,
    y: torch.Tensor,
    out: torch.Tensor,
    beta: float,
    threshold: float,
    threads: int | None = None,
) -> None:
    """out = grad * (1 - exp(-beta * y)), or grad where beta * y > threshold; `out` may be `grad`. Not for float64."""
    native.compiled().softplus_backward(
        grad.data_ptr(),
        y.data_ptr(),
        out.data_ptr(),
        grad.numel(),
        native._same_dtype(grad, out),
        beta,
        threshold,
        native._threads(threads),
    )


def draws(seed: int, first: int, out: torch.Tensor) -> None:
    """The numbers that are drawn with a seed: Philox4x32-10, 32 * `first` and following ones.

    `out` is uint32 of a multiple of 32 elements. Number 32 * p + 8 * w + c is word w of the block with counter
    8 * p + c.
    """
    native.compiled().draws(seed, first, out.numel() // 32, out.data_ptr())


def rrelu_forward(
    x: torch.Tensor,
    out: torch.Tensor,
    low: float,
    high: float,
    seed: torch.Tensor,
    mask: torch.Tensor | None,
    *,
    divide: bool = False,
    threads: int | None = None,
) -> None:
    """out = x if not x <= 0 else x * A (`divide`: x / A), A from U(low, high) for every element; `out` may be `x`.

    A = low + (high - low) * (the upper 24 bits of the element's number) / 2^24, by its place in memory and `seed`,
    one int64, and by nothing else. `mask` (uint8, ceil(numel / 8) bytes) gets bit i % 8 of byte i // 8 = not x <= 0.
    """
    _rrelu(x, out, low, high, seed, mask, divide, False, threads)


def rrelu_backward(
    grad: torch.Tensor,
    mask: torch.Tensor,
    out: torch.Tensor,
    low: float,
    high: float,
    seed: torch.Tensor,
    *,
    divide: bool = False,
    threads: int | None = None,
) -> None:
    """out = grad where the bit is set, else grad * A (`divide`: grad / A), A as in forward; `out` may be `grad`."""
    _rrelu(grad, out, low, high, seed, mask, divide, True, threads)


def _rrelu(
    given: torch.Tensor,
    out: torch.Tensor,
    low: float,
    high: float,
    seed: torch.Tensor,
    mask: torch.Tensor | None,
    divide: bool,
    back: bool,
    threads: int | None,
) -> None:
    native.compiled().rrelu(
        given.data_ptr(),
        out.data_ptr(),
        native._address(mask),
        seed.data_ptr(),
        given.numel(),
        native._same_dtype(given, out),
        low,
        high,
        divide,
        back,
        native._threads(threads),
    )


def dropout_forward(
    x: torch.Tensor,
    drawn: torch.Tensor,
    out: torch.Tensor,
    mask: torch.Tensor,
    scale: float,
    threads: int | None = None,
) -> None:
    """out = x * scale where `drawn` (bool) is set, x * 0 elsewhere; `out` may be `x`.

    `mask` (uint8, ceil(numel / 8) bytes) gets bit i % 8 of byte i // 8 = drawn[i].
    """
    _dropout(x, out, drawn, mask, scale, threads)


def dropout_backward(
    grad: torch.Tensor, mask: torch.Tensor, out: torch.Tensor, scale: float, threads: int | None = None
) -> None:
    """out = grad * scale where the bit is set, grad * 0 elsewhere; `out` may be `grad`."""
    _dropout(grad, out, None, mask, scale, threads)


def _dropout(
    given: torch.Tensor,
    out: torch.Tensor,
    drawn: torch.Tensor | None,
    mask: torch.Tensor,
    scale: float,
    threads: int | None,
) -> None:
    native.compiled().dropout(
        given.data_ptr(),
        out.data_ptr(),
        native._address(drawn),
        mask.data_ptr(),
        given.numel(),
        native._same_dtype(given, out),
        scale,
        native._threads(threads),
    )


def prelu_forward(
    x: torch.Tensor,
    out: torch.Tensor,
    slopes: torch.Tensor,
    n: int,
    c: int,
    s: int,
    channels_last: bool,
    *,
    learns: bool = True,
    threads: int | None = None,
) -> None:
    """out = x if x > 0 else slope * x, x (n, c, s) in memory or (n, s, c) with `channels_last`; `out` may be `x`.

    `slopes` has c entries, float32 (float64 for float64). `learns`: a backward follows.
    """
    native.compiled().prelu_forward(
        x.data_ptr(),
        out.data_ptr(),
        slopes.data_ptr(),
        n,
        c,
        s,
        channels_last,
        learns,
        native._same_dtype(x, out),
        native._threads(threads),
    )


def prelu_backward(
    grad: torch.Tensor,
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    kept_index: torch.Tensor | None,
    grad_x: torch.Tensor,
    grad_slopes: torch.Tensor,
    slopes: torch.Tensor,
    n: int,
    c: int,
    s: int,
    channels_last: bool,
    threads: int | None = None,
) -> None:
    """The gradients of `prelu_forward` from its output y, or from its input for the channels that kept it.

    `kept` is (n, k, s) in y's order; channel ch stands at `kept_index[ch]` (int32; < 0: not kept). Without an index
    all channels are there, and y may be None. Reading x from y needs slopes above 0. `grad_x` (may be `grad`) and
    `grad_slopes` (float64, c entries) are filled.
    """
    native.compiled().prelu_backward(
        grad.data_ptr(),
        native._address(y),
        native._address(kept),
        native._address(kept_index),
        0 if kept is None else kept.numel() // max(n * s, 1),
        grad_x.data_ptr(),
        grad_slopes.data_ptr(),
        slopes.data_ptr(),
        n,
        c,
        s,
        channels_last,
        native._same_dtype(grad, grad_x),
        native._threads(threads),
    )
