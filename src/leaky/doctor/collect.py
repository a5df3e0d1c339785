"""Watching a forward pass: every call of an activation is found, named, and shown to its tally.

Activation modules and the modules around them are wrapped (`around`); calls of functions are seen by a function
mode that is on while a watched module runs. A forward that runs within a backward is checkpointing's: what it
computes was counted already, and only gradients are taken from it, where the first run had none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from leaky.doctor.around import Around, put, remove
from leaky.doctor.aside import Aside
from leaky.doctor.bits import kept_bits
from leaky.doctor.fastpath import runs_fast, unseen
from leaky.doctor.functions import (
    FUNCTIONS,
    NORM_ACTS,
    Applied,
    invert,
    pre_activation,
    read_call,
    read_module,
)
from leaky.doctor.gradients import follow, own_derivative
from leaky.doctor.kinds import kind_of, measurable, recomputing
from leaky.doctor.sums import Scratch
from leaky.doctor.tally import Options, Tally
from leaky.doctor.units import LAYERS, LastLayer, batch_of, units_along
from leaky.errors import ArgumentError
from leaky.models.keeping import marks


class Collector:
    """The tallies of a model, filled by every forward pass between `start` and `stop`."""

    def __init__(self, model: torch.nn.Module, options: Options) -> None:
        self.model = model
        self.tallies: dict[tuple[str, int], Tally] = {}
        self.passes = 0
        self.recomputes = False
        """Whether activations were called with gradients off within a model that learns: reentrant checkpoints."""
        self.busy = False
        """Whether an activation is being called: what it calls itself is no site."""
        self.failed: Callable[[], None] | None = None
        """Called where a forward pass raises, once it has left the outermost module."""
        self._options = options
        self._scratch = Scratch()
        self.last = LastLayer()
        self._arounds: list[Around] = []
        self._rings: dict[str, tuple[object, Around | None]] = {}
        self._stack: list[str] = []
        self._batch, self._again = 0, False
        self._calls: dict[str, int] = {}
        self._without_graph: dict[str, set[Tally]] = {}

    def forget(self) -> None:
        """A new step begins: what checkpoints are still to run again is not waited for."""
        self._calls.clear()
        self._without_graph.clear()

    def start(self) -> None:
        """Watch from now on."""
        if isinstance(vars(self.model).get("forward"), Around):
            raise ArgumentError("watch: `model` is watched already; close the other watch first")
        self._arounds = [
            ring for name, module in self.model.named_modules() if (ring := self._ring(name, module))
        ]
        put(self._arounds)

    def stop(self) -> None:
        """Leave no trace in the model; gradients that are still to come are counted."""
        remove(self._arounds)
        self._arounds = []
        self.last.forget()

    def close(self) -> None:
        """Let go of memory that only measuring needs."""
        self._scratch.clear()
        self._rings.clear()

    def _ring(self, name: str, module: torch.nn.Module) -> Around | None:
        """What stands around a module, the same every time."""
        now = id(module), type(module), "forward" in vars(module)
        before, ring = self._rings.get(name, (None, None))
        if before != now:
            kind = kind_of(module) or ("owner" if module is self.model else None)
            ring = Around(self, module, name.replace("_orig_mod.", ""), kind) if kind is not None else None
            self._rings[name] = now, ring
        return ring

    def mode(self) -> TorchFunctionMode:
        """The mode that sees calls of functions."""
        return _Calls(self)

    def run(self, ring: Around, args: Any, kwargs: Any) -> Any:
        """Call a watched module."""
        outermost = not self._stack
        self._stack.append(ring.name)
        try:
            if not outermost:
                return ring.tell(ring, args, kwargs)
            if not recomputing():
                self._begin(ring.name)
                self._batch = batch_of((args, kwargs))
            with self.mode():
                return ring.tell(ring, args, kwargs)
        except BaseException:
            if outermost and self.failed is not None:
                self.failed()
            raise
        finally:
            self._stack.pop()

    def owner(self, ring: Around, args: Any, kwargs: Any) -> Any:
        """A module whose forward may call activations."""
        if self._again or not runs_fast(ring.module, args):
            return ring.inner(*args, **kwargs)
        self._again = True
        try:
            ring.inner(*args, **kwargs)
        finally:
            self._again = False
        with unseen(_Calls):  # once more, as torch runs it where nobody looks
            return self._call(ring.inner, args, kwargs)

    def layer(self, ring: Around, args: Any, kwargs: Any) -> Any:
        """A module that says where the units of what follows are."""
        attends = isinstance(ring.module, torch.nn.MultiheadAttention)
        with unseen(_Calls) if attends else nullcontext():
            output = ring.inner(*args, **kwargs)
        self.last.ran(ring.module, output)
        return output

    def activation(self, ring: Around, args: Any, kwargs: Any) -> Any:
        """An activation module, or norm and activation in one."""
        applied = read_module(ring.module)
        assert applied is not None
        if isinstance(ring.module, NORM_ACTS):
            return self._norm_act(ring, applied, args, kwargs)
        inplace = bool(getattr(ring.module, "inplace", False))
        return self._site(ring.name, applied, ring.inner, args, kwargs, inplace)

    def function(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A call of an activation function in the forward of the innermost module that runs."""
        applied = read_call(function, args, kwargs)
        owner = self._stack[-1] if self._stack else ""
        name = f"{owner}.{applied.entry.name}" if owner else applied.entry.name
        inplace = function.__name__.endswith("_") or kwargs.get("inplace") or any(a is True for a in args[1:])
        return self._site(name, applied, function, args, kwargs, bool(inplace))

    def _begin(self, name: str) -> None:
        """A forward pass begins: of the whole model, or of a part that is called alone."""
        self.passes += 1
        inside = f"{name}." if name else ""
        for site in [site for site in self._calls if site == name or site.startswith(inside)]:
            del self._calls[site]

    def _site(
        self, name: str, applied: Applied, call: Callable[..., Any], args: Any, kwargs: Any, inplace: bool
    ) -> Any:
        x = args[0] if args else kwargs.get("input")
        if not measurable(x):
            return self._call(call, args, kwargs)
        scalars = x.dim() == 1 and x.shape[0] == self._batch and not isinstance(x, torch.nn.Parameter)
        unit = 1 if scalars else self.last.unit_dim(x)  # a vector with one number for each sample
        mark = getattr(x, marks._NAME, None)
        tally = self._tally(name, applied, units_along(x, unit))
        finite = True
        if inplace and tally is not None:
            with Aside():
                finite = tally.input(x if mark is None else invert(x.detach(), mark.slope), unit)
        y = self._call(call, args, kwargs)
        given = None
        with Aside():
            if not inplace:
                given = x.detach() if mark is None else invert(x.detach(), mark.slope)
            if tally is not None:
                if given is not None:
                    slope = own_derivative(y, applied) if mark is None else None
                    finite = tally.input(given, unit, kept_bits(y), slope)
                tally.output(y, unit, finite)
        self._follow(name, tally, y, applied, unit, given, mark is not None)
        return y

    def _norm_act(self, ring: Around, applied: Applied, args: Any, kwargs: Any) -> Any:
        x = args[0] if args else kwargs.get("input")
        y = self._call(ring.inner, args, kwargs)
        self.last.ran(ring.module, y)
        if not measurable(x):
            return y
        unit = 0 if y.dim() == ring.module._unbatched else 1
        tally = self._tally(ring.name, applied, y.shape[unit])
        if tally is not None:
            with Aside():
                tally.output(y, unit, tally.input(pre_activation(ring.module, x, y), unit))
        self._follow(ring.name, tally, y, applied, unit, None, fused=False)
        return y

    def _call(self, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        self.busy = True
        try:
            return call(*args, **kwargs)
        finally:
            self.busy = False

    def _tally(self, name: str, applied: Applied, units: int) -> Tally | None:
        """Where this call is counted; None where a checkpoint runs it again."""
        if recomputing():
            return None
        call = self._calls[name] = self._calls.get(name, 0) + 1
        label = name if call == 1 else f"{name}:{call}"
        tally = self.tallies.get((label, units))
        if tally is None:
            again = any(label == other for other, _ in self.tallies)
            told = f"{label} ({units} units)" if again else label
            with Aside():
                tally = Tally(told, call, applied, units, self._options, self._scratch)
            self.tallies[label, units] = tally
        tally.applied = applied
        return tally

    def _follow(
        self,
        name: str,
        tally: Tally | None,
        y: torch.Tensor,
        applied: Applied,
        unit: int,
        x: torch.Tensor | None,
        fused: bool,
    ) -> None:
        if tally is None:
            first = self._without_graph.get(name, set())
            if len(first) != 1:  # none: the first run had gradients; several: it cannot be told which this is
                return
            (tally,) = first
        elif not torch.is_grad_enabled():
            self._without_graph.setdefault(name, set()).add(tally)
            self.recomputes = True
            return
        follow(y, tally, applied, unit, x, fused)


class _Calls(TorchFunctionMode):
    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self._collector = collector

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in FUNCTIONS and not self._collector.busy:
            return self._collector.function(func, args, kwargs or {})
        output = func(*args, **kwargs) if kwargs else func(*args)
        if func in LAYERS and not self._collector.busy:
            self._collector.last.called(func, args, output)
        return output
