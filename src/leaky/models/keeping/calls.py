"""Calls of `F.leaky_relu`, `F.relu`, `F.elu` and their kin made lean: a function mode around a module's forward.

The mode sees every torch function that runs inside that forward and sends the few it knows
(`functions.FUNCTIONS`) to `leaky.nn.functional`. Whatever path the forward takes, it stays the user's own code.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from leaky.kernels.select import compiled
from leaky.models.functions import FUNCTIONS
from leaky.models.keeping.marks import take
from leaky.models.stand_in import StandIn
from leaky.nn import functional


class _Active(threading.local):
    mode: LeanCalls | None = None


_active = _Active()


def calls_are_lean() -> bool:
    """Whether a call of `F.leaky_relu` at this moment would be seen, in this thread."""
    return _active.mode is not None


def finish(activated: torch.Tensor, slope: float) -> torch.Tensor:
    """What a norm has activated, with the slope that is left to apply."""
    if slope != 1:
        return functional.leaky_relu(activated, slope)
    return activated if torch.is_grad_enabled() else activated.detach()


class LeanCalls(TorchFunctionMode):
    """While entered, calls of the given kinds keep less; a leaky ReLU hands on what a norm has activated."""

    def __init__(self, kinds: frozenset[str]) -> None:
        super().__init__()
        self.kinds = kinds

    def __enter__(self) -> LeanCalls:
        _active.mode = self
        super().__enter__()  # type: ignore[no-untyped-call]  # torch leaves modes untyped
        return self

    def __exit__(self, *error: Any) -> None:
        _active.mode = None
        super().__exit__(*error)  # type: ignore[no-untyped-call]  # as above

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        function = FUNCTIONS.get(func)
        kwargs = kwargs or {}
        call = None if function is None else function.read(args, kwargs)
        if function is None or call is None:
            return func(*args, **kwargs)
        if not call.other:
            input = args[0] if args else kwargs["input"]
            left = take(input, call.slope, call.inplace)
            if left is not None:
                return finish(input, left)
        return (function.lean if call.kind in self.kinds else func)(*args, **kwargs)


class CompiledCalls(TorchFunctionMode):
    """The same for torch.compile, which follows it: calls out of place keep what `leaky.nn.functional` does there."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return (functional.leaky_relu if func is F.leaky_relu else func)(*args, **(kwargs or {}))


def _may_enter_modes() -> bool:
    """Whether torch.compile, which traces this call, can follow a mode: in torch.utils.checkpoint it cannot."""
    try:
        from torch._dynamo.symbolic_convert import InstructionTranslator

        return bool(InstructionTranslator.current_tx().output.is_root_tracer())
    except Exception:  # another version of torch has this elsewhere
        return False


_may_enter_modes._dynamo_marked_constant = True  # type: ignore[attr-defined]  # run while tracing, not traced


class LeanForward(StandIn):
    """A module's forward with its calls made lean; it stands as `forward` on the instance.

    The forward that was there before runs as it is where there is nothing to save or an export looks on.
    """

    mode: Callable[[frozenset[str]], LeanCalls] = LeanCalls

    def __init__(self, module: torch.nn.Module, kinds: frozenset[str]) -> None:
        super().__init__(module, vars(module).get("forward"))
        self.kinds = kinds

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if compiled() and "leaky_relu" in self.kinds and _may_enter_modes():
            with CompiledCalls():
                return self.plain(*args, **kwargs)
        if (
            torch.compiler.is_compiling()
            or not torch.is_grad_enabled()
            or torch._C._get_tracing_state() is not None
            or _active.mode is not None
        ):
            return self.plain(*args, **kwargs)
        with self.mode(self.kinds):
            return self.plain(*args, **kwargs)
