"""Outputs that backward computes again from what their layer keeps, so that the next layer need not keep them.

A layer that keeps its input, and whose output is cheap, says so on its node: `node.compute_again(node)`. Both that
and its backward read what it keeps by `saved_of`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch

from leaky.kernels.select import SMALL
from leaky.nn.layout import same_layout

_CHECKPOINT = "torch.utils.checkpoint"
_hooks_allowed = torch._C._autograd._saved_tensors_hooks_is_enabled  # type: ignore[attr-defined]  # torch leaves it out


class recompute(torch.autograd.graph.saved_tensors_hooks):  # noqa: N801  # used like torch.no_grad
    """Within it, layers do not keep outputs of leaky's that backward can compute again.

    That is the output of a norm with activation (`leaky.nn.BatchNormAct2d` and its kin), where that keeps the norm's
    input: always on a GPU, and for ReLU on a CPU. A convolution behind it keeps its own input, which is that
    output; within this it keeps none, and its backward has the norm's last pass run again, to the same bits.
    Convolution, norm and ReLU then keep one tensor, where torch keeps two.

    Enter it around calls of layers that keep their inputs: convolutions, linear layers, pools. What is not leaky's is
    kept as ever, by hooks entered before this one too (`save_on_cpu`; within `torch.utils.checkpoint` nothing is
    computed again here). `leaky.lean(model)` enters it where it gains. Gradients of any order.

    What is written through `.data` goes unseen: backward has the output as the norm made it.
    A graph that has been freed computes nothing: of two losses of one output, the first keeps it (`retain_graph`),
    where torch can do without for layers that keep the output themselves.

    Example:
        >>> import torch, leaky
        >>> norm, conv = leaky.nn.BatchNormAct2d(8, activation="relu"), torch.nn.Conv2d(8, 8, 3)
        >>> y = norm(torch.randn(2, 8, 32, 32, requires_grad=True))
        >>> with leaky.nn.recompute():
        ...     z = conv(y)
        >>> z.sum().backward()
    """

    def __init__(self) -> None:
        super().__init__(self._pack, _unpack)
        self._around: tuple[Any, Any] | None = None
        self._checkpointed = self._entered = False

    def __enter__(self) -> None:
        if self._entered:
            raise RuntimeError("leaky.nn.recompute: it is entered already; make another for within")
        self._entered = True
        around: Any = torch._C._autograd._top_saved_tensors_default_hooks(False)
        # torch.utils.checkpoint keeps nothing, and gives what it computes again once in a backward
        self._checkpointed = around is not None and getattr(around[0], "__module__", "") == _CHECKPOINT
        self._around = around
        super().__enter__()

    def __exit__(self, *error: object) -> None:
        self._entered = False
        super().__exit__(*error)

    def _pack(self, tensor: torch.Tensor) -> Any:
        node = None if self._checkpointed else made_again(tensor)
        if node is not None:
            base = tensor if tensor._base is None else tensor._base
            return _Again(node, base.stride(), tensor.size(), tensor.stride(), int(tensor.storage_offset()))
        if self._around is not None:
            pack, unpack = self._around
            return _Handed(unpack, pack(tensor))
        return _Kept(tensor.detach(), tensor._version)


def made_again(tensor: Any) -> Any:
    """The node that can compute again what `tensor` is, or is a view of, unchanged; None where there is none."""
    base = tensor if tensor._base is None else tensor._base
    node = base.grad_fn
    if getattr(node, "compute_again", None) is None or base.output_nr or base._version:
        return None
    if tensor.is_leaf:  # a view taken without gradients: its reader's graph may outlive the node
        return None
    alike = (tensor.dtype, tensor.is_neg(), tensor.is_conj()) == (base.dtype, base.is_neg(), base.is_conj())
    return node if alike else None


def lasting(*parameters: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
    """Copies of a layer's few parameters, to compute its output again with, whatever becomes of them meanwhile.

    FSDP frees them after the layer's forward, and the layer behind asks before they are gathered again; an optimiser
    may have stepped.
    """
    return tuple(None if each is None else each.detach().clone() for each in parameters)


def saved_of(node: Any, *, last: bool = False) -> tuple[Any, ...]:
    """`node.saved_tensors`, asked for once in a backward: hooks on them may copy, or compute again.

    `last` says that nobody will ask again: it is the node's own backward.
    """
    task = torch._C._current_graph_task_id()
    known = getattr(node, "saved_in_task", None)
    if known is not None and known[0] == task:
        found: tuple[Any, ...] = known[1]
    else:
        found = node.saved_tensors
        if task >= 0 and not last:
            node.saved_in_task = (task, found)
            # the graph of a tensor may lead back to the node, and a backward may end without the node's own
            torch.autograd.Variable._execution_engine.queue_callback(partial(_forget, node))
    if last:
        node.saved_in_task = None
    return found


def _forget(node: Any) -> None:
    node.saved_in_task = None


def reading(tensor: Any) -> AbstractContextManager[None]:
    """`recompute` for a layer that reads `tensor`, where that can be computed again and is worth it; else nothing."""
    if tensor.numel() < SMALL or made_again(tensor) is None:
        return nullcontext()
    if torch._C._are_functorch_transforms_active() or not _hooks_allowed():
        return nullcontext()
    return recompute()


class _Again(NamedTuple):
    """An output that is computed again, or a view of it."""

    node: Any
    whole: tuple[int, ...]
    """The output's strides."""
    size: torch.Size
    stride: tuple[int, ...]
    offset: int


class _Handed(NamedTuple):
    """What hooks entered before were given, and how they give it back."""

    unpack: Any
    packed: Any


class _Kept(NamedTuple):
    tensor: torch.Tensor
    version: int


def _unpack(packed: _Again | _Handed | _Kept) -> Any:
    if isinstance(packed, _Kept):
        tensor, version = packed
        if tensor._version != version:  # with hooks, torch leaves it to them to look
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace "
                f"operation: [{tensor.type()} {list(tensor.shape)}] is at version {tensor._version}; "
                f"expected version {version} instead"
            )
        return tensor
    if isinstance(packed, _Handed):
        return packed.unpack(packed.packed)
    if not torch.is_grad_enabled():  # as in any backward that builds no graph: the context costs 2 us
        return _computed(packed)
    with torch.no_grad():
        return _computed(packed)


def _computed(packed: _Again) -> torch.Tensor:
    node, whole, size, stride, offset = packed
    found: torch.Tensor = node.compute_again(node)
    if not offset and found.stride() == whole == stride and found.size() == size:
        return found
    if not same_layout(found, whole):  # hooks on saved tensors may give the input back otherwise
        found = torch.empty_strided(found.shape, whole, dtype=found.dtype, device=found.device).copy_(found)
    return found.as_strided(size, stride, offset)
