"""Compiled models: what is compiled cannot be looked into, so the same forward runs once more without the compiler.

The pass before the real one computes no gradients and leaves the model untouched. The real one is the user's own.
"""

from __future__ import annotations

from typing import Any

import torch

from leaky.doctor.collect import Collector
from leaky.doctor.untouched import untouched
from leaky.models.isolate import Example

NOTE = (
    "The model is compiled: its forward passes were repeated without the compiler to be measured, and gradients were "
    "not. Watch the model before it is compiled to have them."
)


class Shadow:
    """Stands before the call of a compiled model while it is watched."""

    def __init__(self, called: torch.nn.Module, collector: Collector) -> None:
        self._called, self._collector = called, collector
        own = vars(called).get("_compiled_call_impl") is not None
        self._name = "_compiled_call_impl" if own else "forward"
        self._had = self._name in vars(called)
        self._inner = getattr(called, self._name)

    def start(self) -> None:
        """Stand there."""
        vars(self._called)[self._name] = self

    def stop(self) -> None:
        """Go."""
        if vars(self._called).get(self._name) is self:
            del vars(self._called)[self._name]
            if self._had:
                vars(self._called)[self._name] = self._inner

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.stop()
        try:
            self._measure(args, kwargs)
            return self._inner(*args, **kwargs)
        finally:
            self.start()

    def _measure(self, args: Any, kwargs: Any) -> None:
        fresh_args, fresh_kwargs = Example(args, kwargs).fresh()
        model = self._collector.model
        with untouched(model), torch.no_grad(), torch.compiler.set_stance("force_eager"):
            self._collector.start()
            try:
                model(*fresh_args, **fresh_kwargs)
            finally:
                self._collector.stop()
