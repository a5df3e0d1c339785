"""Work on a copy: everything `lean` tries, it tries on a copy of the model, with random numbers put back after."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import CellType, FunctionType
from typing import Any

import torch

from leaky.errors import ArgumentError, ArgumentTypeError


def copy_of(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of the model that shares nothing with it."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        _detach(list(vars(module).values()), memo)
    try:
        copied = copy.deepcopy(model, memo)
        for module in copied.modules():
            if isinstance(forward := vars(module).get("forward"), FunctionType):
                vars(module)["forward"] = _copied_closure(forward, memo)
    except Exception as error:
        raise ArgumentError(
            f"lean: `model` cannot be copied, and lean tries everything on a copy: {told(error)}; "
            "make it lean before it is wrapped or compiled"
        ) from error
    return copied


def _detach(values: list[Any], memo: dict[int, Any]) -> None:
    """Stand-ins for computed tensors, which torch does not copy: features kept, the older weight_norm's weight."""
    for value in values:
        if isinstance(value, torch.Tensor) and value.grad_fn is not None:
            memo[id(value)] = value.detach().clone()
        elif type(value) in (list, tuple, dict):
            _detach(list(value.values()) if isinstance(value, dict) else list(value), memo)


def _copied_closure(function: FunctionType, memo: dict[int, Any]) -> FunctionType:
    """A function put in the place of a forward, with what it holds on to (often the forward before) copied too."""
    if id(function) not in memo:
        cells = tuple(CellType() for _ in function.__closure__ or ())
        made = FunctionType(function.__code__, function.__globals__, function.__name__, None, cells or None)
        memo[id(function)] = made
        made.__defaults__, made.__kwdefaults__ = copy.deepcopy(
            (function.__defaults__, function.__kwdefaults__), memo
        )
        for cell, old in zip(cells, function.__closure__ or (), strict=True):
            value = old.cell_contents
            is_function = isinstance(value, FunctionType)
            cell.cell_contents = _copied_closure(value, memo) if is_function else copy.deepcopy(value, memo)
    copied: FunctionType = memo[id(function)]
    return copied


def random_state() -> Callable[[], None]:
    """The state of every random generator a forward pass may draw from, as a function that puts it back."""
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    cuda_state = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    numpy = sys.modules.get("numpy")
    numpy_state = numpy.random.get_state() if numpy is not None else None

    def restore() -> None:
        torch.set_rng_state(torch_state)
        random.setstate(python_state)
        if cuda_state is not None:
            torch.cuda.set_rng_state_all(cuda_state)
        if numpy is not None:
            numpy.random.set_state(numpy_state)

    return restore


@contextmanager
def random_state_kept() -> Iterator[Callable[[], None]]:
    """Put every random generator back afterwards; what is yielded does so in between."""
    restore = random_state()
    try:
        yield restore
    finally:
        restore()


@dataclass(frozen=True)
class Example:
    """The arguments of one call of the model."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @classmethod
    def of(cls, example: Any) -> Example:
        """A tensor, a tuple of arguments, or a dict of arguments by name."""
        if isinstance(example, torch.Tensor):
            made = cls((example,), {})
        elif isinstance(example, tuple | list):
            made = cls(tuple(example), {})
        elif isinstance(example, dict) and all(isinstance(name, str) for name in example):
            made = cls((), dict(example))
        else:
            raise ArgumentTypeError(
                "lean: `example` must be a tensor, a tuple of the model's arguments or a dict of them by name, "
                f"got {type(example).__name__}"
            )
        if not made.tensors():
            raise ArgumentError("lean: `example` holds no tensor; give what the model is called with")
        return made

    def tensors(self) -> list[torch.Tensor]:
        """Every tensor among the arguments."""
        leaves = torch.utils._pytree.tree_leaves((self.args, self.kwargs))
        return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]

    def fresh(
        self, change: Callable[[torch.Tensor], torch.Tensor] = lambda tensor: _leaf(tensor).clone()
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with every tensor copied (or changed), so that no call alters the user's."""
        args, kwargs = torch.utils._pytree.tree_map(
            lambda leaf: change(leaf) if isinstance(leaf, torch.Tensor) else leaf, (self.args, self.kwargs)
        )
        return args, kwargs


def _leaf(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().requires_grad_(tensor.requires_grad)


def tensors_in(value: Any) -> list[torch.Tensor]:
    """Every tensor in what a model returned: in containers, and in the attributes of objects that are none."""
    found: list[torch.Tensor] = []
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        for leaf in torch.utils._pytree.tree_leaves(waiting.pop()):
            if isinstance(leaf, torch.Tensor):
                found.append(leaf)
            elif hasattr(leaf, "__dict__") and not callable(leaf) and id(leaf) not in seen:
                seen.add(id(leaf))
                waiting.append(dict(vars(leaf)))
    return found


def random_inputs(
    shapes: Sequence[tuple[int, ...]], model: torch.nn.Module | None = None
) -> tuple[torch.Tensor, ...]:
    """Normal tensors of these shapes, the same every time, for want of real data; in float32 or the model's dtype."""
    generator = torch.Generator().manual_seed(22)
    weights = (p for p in (model.parameters() if model is not None else ()) if p.is_floating_point())
    like = next(weights, torch.empty(0, dtype=torch.float32))
    made = (torch.randn(shape, generator=generator, device="cpu", dtype=torch.float32) for shape in shapes)
    return tuple(x.to(like.device, like.dtype) for x in made)


def told(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}{'...' if len(text) > 300 else ''}"
