"""What stands as `forward` on a module while it is watched, and goes again without a trace.

No hooks: they stop lean's fused norms and torch's fast paths, and do not fire in compiled models. A copy or a pickle
of a watched module is of the module alone.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch

from leaky.models.keeping.calls import LeanCalls, LeanForward

if TYPE_CHECKING:
    from leaky.doctor.collect import Collector

_NOTHING = object()


class Around:
    """A module's forward with the collector told of it; `kind` names the method of it that calls it."""

    def __init__(self, collector: Collector, module: torch.nn.Module, name: str, kind: str) -> None:
        self.module, self.name = module, name
        self._collector = collector
        self.tell: Callable[[Around, Any, Any], Any] = getattr(collector, kind)

    def put(self) -> None:
        """Take the place of the forward."""
        self.inner: Callable[..., Any] = self.module.forward
        self._replaced = vars(self.module).get("forward", _NOTHING)
        vars(self.module)["forward"] = self
        if isinstance(
            self._replaced, LeanForward
        ):  # within its mode, or what a norm applied would not be seen
            vars(self._replaced)["mode"] = self._lean_mode

    def remove(self) -> None:
        """Give it back; what was put there since stays."""
        if isinstance(self._replaced, LeanForward):
            vars(self._replaced).pop("mode", None)
        if vars(self.module).get("forward") is self:
            if self._replaced is _NOTHING:
                del vars(self.module)["forward"]
            else:
                vars(self.module)["forward"] = self._replaced

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        collector = self._collector
        if collector.busy or torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
            return self.inner(*args, **kwargs)
        return collector.run(self, args, kwargs)

    @property
    def __signature__(self) -> inspect.Signature:  # trainers look which arguments a model takes
        return inspect.signature(self.inner)

    def _lean_mode(self, kinds: frozenset[str]) -> Any:
        return _Both(LeanCalls(kinds), self._collector.mode())

    @property
    def _plain(self) -> Any:
        if self._replaced is _NOTHING:
            return type(self.module).forward.__get__(self.module)
        return self._replaced

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self._plain, memo)

    def __reduce__(self) -> Any:
        if self._replaced is _NOTHING:
            return getattr, (self.module, "forward")
        return copy.copy, (self._replaced,)


class _Both:
    def __init__(self, *modes: Any) -> None:
        self._modes = modes

    def __enter__(self) -> None:
        for mode in self._modes:
            mode.__enter__()

    def __exit__(self, *error: Any) -> None:
        for mode in reversed(self._modes):
            mode.__exit__(*error)


def put(arounds: Iterable[Around]) -> None:
    """All of them."""
    for around in arounds:
        around.put()


def remove(arounds: Iterable[Around]) -> None:
    """The last first."""
    for around in reversed(list(arounds)):
        around.remove()
