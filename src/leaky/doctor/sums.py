"""Sums over the positions of a sample, each one vectorised pass over a tensor."""

from __future__ import annotations

import torch

from leaky.nn.ops import is_dense

_EXACT = 2**24
"""Counts beyond are not exact in float32."""
_NARROW = (torch.float16, torch.bfloat16)


def flat_in_memory(x: torch.Tensor) -> torch.Tensor:
    """The elements of a dense tensor in the order they lie in."""
    return x.as_strided((x.numel(),), (1,))


def plain(x: torch.Tensor, unit: int) -> tuple[torch.Tensor, int]:
    """The values alone, dense, in a precision to count in, and with a dimension of samples before the units'."""
    x = x.detach()
    if x.dim() == 1 or unit == 0:
        x, unit = x[:, None] if unit else x[None], 1
    if x.dtype in _NARROW:
        x = x.float()
    return (x if is_dense(x) else x.contiguous()), unit


def square_sums(x: torch.Tensor, unit: int, z: torch.Tensor) -> torch.Tensor:
    """As `per_sample`, of squares; by torch's norm, which writes none, where positions lie next to each other."""
    if unit == 1 and x.dim() > 2 and x.is_contiguous() and x.numel() // x.shape[1] < _EXACT:
        norm: torch.Tensor = torch.linalg.vector_norm(x, dim=tuple(range(2, x.dim())))
        return norm.square_()
    return per_sample(torch.mul(x, x, out=z), unit)


def nonzero(x: torch.Tensor, squares: torch.Tensor, unit: int) -> torch.Tensor:
    """Above 0 where anything is not exactly 0; looked up where the squares of tiny numbers may be."""
    found = (squares != 0).to(squares.dtype)
    per_unit = found if found.dim() == 1 else found.sum(0)
    zero = (per_unit == 0).nonzero()[:, 0]
    if len(zero):
        tiny = x.index_select(unit, zero).movedim(unit, 0).flatten(1).ne(0).any(1).to(found.dtype)
        found.view(-1, found.shape[-1])[0].index_add_(0, zero, tiny)
    return found


def per_sample(x: torch.Tensor, unit: int) -> torch.Tensor:
    """Sums over positions, samples by units; over the samples too where each has one position."""
    over = [dim for dim in range(1, x.dim()) if dim != unit] or [0]
    wide = x.numel() // x.shape[unit] >= _EXACT
    return x.sum(over, dtype=torch.float64 if wide else None)
