"""Work on a copy: everything `lean` tries, it tries on a copy of the model, with random numbers put back after."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from leaky.errors import ArgumentError, ArgumentTypeError


def copy_of(model: torch.nn.Module, *, share_parameters: bool = False) -> torch.nn.Module:
    """A copy of the model that shares nothing with it (but the parameters, if asked for: tracing reads none)."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, torch.Tensor) and value.grad_fn is not None:
                memo[id(value)] = (
                    value.detach()
                )  # the weight that the older weight_norm computes before each call
    if share_parameters:
        memo |= {id(parameter): parameter for parameter in model.parameters()}
    try:
        return copy.deepcopy(model, memo)
    except Exception as error:
        raise ArgumentError(
            f"lean: `model` cannot be copied, and lean tries everything on a copy: {told(error)}; "
            "make it lean before it is wrapped or compiled"
        ) from error


def random_state() -> Callable[[], None]:
    """The state of every random generator a forward pass may draw from, as a function that puts it back."""
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    cuda_state = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
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
        self, change: Callable[[torch.Tensor], torch.Tensor] = lambda tensor: tensor.detach().clone()
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with every tensor copied (or changed), so that no call alters the user's."""
        args, kwargs = torch.utils._pytree.tree_map(
            lambda leaf: change(leaf) if isinstance(leaf, torch.Tensor) else leaf, (self.args, self.kwargs)
        )
        return args, kwargs


def random_inputs(shapes: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, ...]:
    """Normal float32 tensors of these shapes, the same every time, for want of real data."""
    generator = torch.Generator().manual_seed(22)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def told(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}{'...' if len(text) > 300 else ''}"
