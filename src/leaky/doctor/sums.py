"""Sums over the positions of a sample, each one vectorised pass over a tensor, into memory that stays."""

from __future__ import annotations

import torch

from leaky.nn.layout import is_dense

_EXACT = 2**24
"""Counts beyond are not exact in float32."""
_ROUNDED = 2**20
"""Counts beyond are not read back from the root of their squares."""
_NARROW = (torch.float16, torch.bfloat16)


class Scratch:
    """Memory that every pass writes to, so that none waits for fresh pages."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[torch.dtype, torch.device], torch.Tensor] = {}

    def like(self, x: torch.Tensor) -> torch.Tensor:
        """A tensor of the layout of `x`, which is dense; its contents are the last user's."""
        key = x.dtype, x.device
        buffer = self._buffers.get(key)
        if buffer is None or buffer.numel() < x.numel():
            buffer = self._buffers[key] = torch.empty(x.numel(), dtype=x.dtype, device=x.device)
        return buffer.as_strided(x.shape, x.stride())

    def clear(self) -> None:
        """Give the memory back."""
        self._buffers.clear()


class Rows:
    """What one call adds, a row each: by unit, or by sample and unit where a sample has several positions."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._key: object = None
        self.all = torch.empty(0)
        self.each: tuple[torch.Tensor, ...] = ()

    def fit(self, x: torch.Tensor, unit: int) -> tuple[torch.Tensor, ...]:
        """Rows that fit a tensor, in float32 where that is exact; zeros at first, then what was last in them."""
        shape = x.shape[unit : unit + 1] if x.dim() == 2 else (x.shape[0], x.shape[unit])
        wide = x.dtype == torch.float64 or x.numel() // x.shape[unit] >= _EXACT
        key = shape, wide, x.device
        if key != self._key:
            dtype = torch.float64 if wide else torch.float32
            self.all = torch.zeros(self._count, *shape, dtype=dtype, device=x.device)
            self.each, self._key = self.all.unbind(), key
        return self.each

    def per_unit(self, rows: slice) -> torch.Tensor:
        """Some of them, added up over the samples."""
        found = self.all[rows]
        return found.sum(1, dtype=torch.float64) if found.dim() == 3 else found

    def forget(self) -> None:
        """Begin with zeros the next time."""
        self._key = None


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


def per_sample(x: torch.Tensor, unit: int, out: torch.Tensor) -> None:
    """Sums over positions, samples by units; over the samples too where each has one position."""
    over = [dim for dim in range(1, x.dim()) if dim != unit] or [0]
    torch.sum(x, over, dtype=out.dtype, out=out)


def square_sums(x: torch.Tensor, unit: int, z: torch.Tensor, out: torch.Tensor) -> None:
    """As `per_sample`, of squares; by torch's norm, which writes none, where positions lie next to each other."""
    if _adjoining(x, unit) and x.numel() // x.shape[1] < _EXACT:
        torch.linalg.vector_norm(x, dim=tuple(range(2, x.dim())), dtype=out.dtype, out=out).square_()
    else:
        per_sample(torch.mul(x, x, out=z), unit, out)


def sides(
    x: torch.Tensor, unit: int, z: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor
) -> None:
    """How many are above 0, and below it. Nothing is NaN."""
    if _adjoining(x, unit) and x.numel() // x.shape[1] < _ROUNDED:
        torch.sign(x, out=z)  # their sum is the difference of the two, the sum of their squares the sum
        per_sample(z, unit, positive)
        square_sums(z, unit, z, negative)
        negative.round_().sub_(positive).mul_(0.5)
        positive.add_(negative)
        return
    per_sample(torch.gt(x, 0, out=z), unit, positive)
    per_sample(torch.lt(x, 0, out=z), unit, negative)


def nonzero(x: torch.Tensor, squares: torch.Tensor, unit: int, out: torch.Tensor) -> None:
    """Above 0 where anything is not exactly 0; looked up where the squares of tiny numbers may be."""
    torch.ne(squares, 0, out=out)
    if bool(out.all()):
        return
    per_unit = out if out.dim() == 1 else out.sum(0)
    zero = (per_unit == 0).nonzero()
    if len(zero):
        zero = zero[:, 0]
        tiny = x.index_select(unit, zero).movedim(unit, 0).flatten(1).ne(0).any(1).to(out.dtype)
        out.view(-1, out.shape[-1])[0].index_add_(0, zero, tiny)


def _adjoining(x: torch.Tensor, unit: int) -> bool:
    """Whether the positions of a unit lie next to each other."""
    return unit == 1 and x.dim() > 2 and x.is_contiguous()
