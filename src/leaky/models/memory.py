"""Count what autograd keeps for backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils import _python_dispatch

is_wrapper: Callable[[object], bool] = _python_dispatch.is_traceable_wrapper_subclass
"""Whether a tensor is made of others, as a sharded one is."""


class SavedStorages:
    """The distinct storages that autograd keeps while this is entered; those of `own` tensors are left out.

    `sizes` holds the bytes of each by its address, `savers` who kept it: whatever `saver()` says at that moment.
    Where parameters are sharded (FSDP2), what was gathered for the call is left out too.
    """

    def __init__(self, own: torch.nn.Module | None = None, saver: Callable[[], Any] = lambda: None) -> None:
        tensors = [] if own is None else [*own.parameters(), *own.buffers()]
        self._own = {part.untyped_storage().data_ptr() for tensor in tensors for part in _parts(tensor)}
        self._sharded = any(is_wrapper(tensor) for tensor in tensors)
        self._saver = saver
        self._alive: list[torch.Tensor] = []  # no address is used twice while its tensor lives
        self.sizes: dict[int, int] = {}
        self.savers: dict[int, set[Any]] = {}
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def __enter__(self) -> SavedStorages:
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(*error)

    @property
    def total(self) -> int:
        """Bytes over all storages."""
        return sum(self.sizes.values())

    def _pack(self, tensor: torch.Tensor) -> torch.Tensor:
        gathered = self._sharded and isinstance(
            tensor if tensor._base is None else tensor._base, torch.nn.Parameter
        )
        for part in () if gathered else _parts(tensor):
            storage = part.untyped_storage()
            address = storage.data_ptr()
            if address not in self._own:
                self._alive.append(part)
                self.sizes[address] = storage.nbytes()
                self.savers.setdefault(address, set()).add(self._saver())
        return tensor


def _parts(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The tensors with memory of their own that a tensor consists of: several, where it is sparse or sharded."""
    if is_wrapper(tensor):
        inner, _ = tensor.__tensor_flatten__()  # type: ignore[attr-defined]
        held = (getattr(tensor, name) for name in inner)
        return tuple(part for each in held if isinstance(each, torch.Tensor) for part in _parts(each))
    match tensor.layout:
        case torch.strided:
            return (tensor,)
        case torch.sparse_coo:
            return tensor._indices(), tensor._values()
        case torch.sparse_csr | torch.sparse_bsr:
            return tensor.crow_indices(), tensor.col_indices(), tensor.values()
        case torch.sparse_csc | torch.sparse_bsc:
            return tensor.ccol_indices(), tensor.row_indices(), tensor.values()
    return ()


def saved_bytes(function: Callable[[], object], model: torch.nn.Module | None = None) -> int:
    """Bytes that `function()` keeps for backward.

    These are the distinct storages that `torch.autograd.graph.saved_tensors_hooks` sees; parameters and buffers
    of `model` are left out. The count does not depend on the machine.

    Example:
        >>> x = torch.zeros(1024, requires_grad=True)
        >>> saved_bytes(lambda: x.exp())  # exp keeps its output
        4096
    """
    with SavedStorages(model) as saved:
        result = function()  # what is kept lives as long as the graph
    del result
    return saved.total
