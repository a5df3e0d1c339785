"""Calls such as `F.relu(x)` or `x.relu()` sent to another activation: a function mode around one module's forward.

Only calls that this forward makes itself are swapped, and none that a module within it makes.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from leaky import nn
from leaky.catalogue import Spec, parse
from leaky.models.activations import read_call
from leaky.models.stand_in import StandIn

_CALL = torch.nn.Module._call_impl.__code__


@dataclass(frozen=True)
class Match:
    """Which activations are meant: an entry by name, and those of its parameters that were given."""

    name: str
    parameters: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, text: str | Spec) -> Match:
        """`relu` means every ReLU, `leaky_relu(negative_slope=1)` only those with that slope."""
        spec = parse(text)
        if isinstance(text, Spec):
            return cls(spec.activation.name, tuple(spec.parameters.items()))
        tree = ast.parse(text.strip(), mode="eval").body
        given: set[str | None] = set()
        if isinstance(tree, ast.Call):
            given = {p.name for p in spec.activation.parameters[: len(tree.args)]}
            given |= {keyword.arg for keyword in tree.keywords}
        named = tuple((name, value) for name, value in spec.parameters.items() if name in given)
        return cls(spec.activation.name, named)

    def fits(self, spec: Spec) -> bool:
        """Whether this activation is meant."""
        values = spec.parameters
        return spec.activation.name == self.name and all(
            values[name] == value for name, value in self.parameters
        )

    def __str__(self) -> str:
        named = ", ".join(f"{name}={value!r}" for name, value in self.parameters)
        return f"{self.name}({named})" if named else self.name


Rules = tuple[tuple[Match, Spec], ...]
"""What becomes what, one rule after the other."""


def ruled(spec: Spec, rules: Rules) -> Spec:
    """What an activation becomes."""
    for match, after in rules:
        if match.fits(spec):
            spec = after
    return spec


class SwapCalls(TorchFunctionMode):
    """While entered, calls that `forward` makes itself follow its rules."""

    def __init__(self, forward: SwapForward) -> None:
        super().__init__()
        self.forward = forward

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        read = read_call(func, args, kwargs)
        if read is None or not self._is_own():
            return func(*args, **kwargs)
        spec, inplace = read
        after = ruled(spec, self.forward.rules)
        if after is spec:
            return func(*args, **kwargs)
        input = args[0] if args else kwargs["input"]
        if not inplace:
            return self.forward.function(after)(input)
        # In place for those who read the input later; the clone, because a function may keep its input for backward.
        return input.copy_(self.forward.function(after)(input.clone()))

    def _is_own(self) -> bool:
        """Whether the innermost module whose forward is running is ours."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            if frame.f_code is _RUN:
                return frame.f_locals["self"] is self.forward
            if frame.f_code is _CALL:
                return False
            frame = frame.f_back
        return False


class SwapForward(StandIn):
    """A module's forward with some of its calls swapped; it stands as `forward` on the instance.

    Compilers cannot follow it and run it as it is.
    """

    def __init__(self, module: torch.nn.Module, rules: Rules, replaced: Callable[..., Any] | None) -> None:
        super().__init__(module, replaced)
        self.rules = rules
        self.functions: dict[str, torch.nn.Module] = {}

    def function(self, spec: Spec) -> Callable[[torch.Tensor], torch.Tensor]:
        """The activation as a function."""
        if str(spec) not in self.functions:
            self.functions[str(spec)] = nn.activation(spec)
        function: Callable[[torch.Tensor], torch.Tensor] = self.functions[str(spec)].forward
        return function

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The forward, with its calls swapped."""
        with SwapCalls(self):
            return self.plain(*args, **kwargs)

    @torch.compiler.disable(reason="leaky.swap has swapped calls of functions here")  # type: ignore[untyped-decorator]
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.run(*args, **kwargs)

    def replicate(self) -> torch.nn.Module:
        """Stands as `_replicate_for_data_parallel` on the instance: a replica's forward is the replica's own."""
        replica: torch.nn.Module = type(self.module)._replicate_for_data_parallel(self.module)
        vars(replica)["forward"] = SwapForward(replica, self.rules, self.replaced)
        return replica


_RUN = SwapForward.run.__code__
