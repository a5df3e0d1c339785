"""The bits that leaky.nn's (leaky) ReLU keeps for backward, counted instead of the tensor they tell of."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from leaky.nn.ops import KeepBits

_NODE = f"{KeepBits.__name__}Backward"


def kept_bits(y: torch.Tensor) -> torch.Tensor | None:
    """One bit per element in the order of memory, x > 0, where the call that made `y` kept them."""
    node: Any = y.grad_fn
    if node is None or type(node).__name__ != _NODE:
        return None
    if unpacking():
        return None
    bits: torch.Tensor = node.saved_tensors[0]
    return bits if bits.is_cpu else None


def unpacking() -> bool:
    """Whether to ask a node for what it saved may be to compute it again, as where a checkpoint saved nothing."""
    top = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
    return top is None or top(False) is not None


def positives(bits: torch.Tensor, x: torch.Tensor, unit: int, out: torch.Tensor) -> bool:
    """Bits set per sample and unit, into `out`; False, and nothing done, where counting the tensor is as fast.

    That is where the units lie next to each other in memory: there the bits of one are not.
    """
    positions = x[0, 0].numel() if unit == 1 and x.dim() > 2 else 0
    if positions == 0 or positions % 64 or not x.is_contiguous() or x.numel() != 8 * bits.numel():
        return False
    words = bits.numpy().view(np.uint64).reshape(*x.shape[:2], -1)
    out.numpy()[...] = np.bitwise_count(words).sum(-1, dtype=np.int64)
    return True
