"""Layers for tools that read a model instead of running it: torch.fx takes them whole, torch.jit.script is refused.

torch.fx takes torch.nn's own layers whole, as one node that calls the module, and steps into the forward of all
others. There it would find which path a stand-in for a tensor takes, and write down the training mode of the moment.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import torch
from torch.fx import Proxy
from torch.fx.proxy import TraceError

from leaky.errors import ArgumentTypeError

M = TypeVar("M", bound=type[torch.nn.Module])
F = TypeVar("F", bound=Callable[..., Any])
_INSTEAD = "use torch.jit.trace, torch.compile or torch.export"


def whole(cls: M) -> M:
    """The class, which torch.fx records as one node, and torch.jit.script refuses in one line.

    A forward that is torch's own is left as it is: both read it.
    """
    forward: Any = cls.forward
    if not forward.__module__.startswith("leaky."):
        return cls

    @functools.wraps(forward)
    def call(self: torch.nn.Module, input: Any) -> torch.Tensor:
        read = isinstance(input, Proxy) and type(self).forward is call
        result: torch.Tensor = _recorded(self, input, forward) if read else forward(self, input)
        return result

    cls.forward = call
    cls.__prepare_scriptable__ = _refuse  # type: ignore[attr-defined]  # torch looks for it, and declares none
    return cls


def _recorded(layer: torch.nn.Module, input: Any, forward: Any) -> Any:
    """The node that calls `layer`; what the forward itself records where the layer is all that is traced."""
    tracer = input.tracer
    name = tracer.path_of_module(layer)
    if name and not (layer._forward_hooks or layer._forward_pre_hooks):
        return tracer.create_proxy("call_module", name, (input,), {})
    if name:  # its hooks run around this call already, and what they record would be done twice
        module = tracer.create_proxy("get_attr", name, (), {})
        return tracer.create_proxy("call_method", "forward", (module, input), {})
    try:
        return forward(layer, input)
    except Exception:  # a forward may fail on a proxy in any way
        kind = type(layer).__name__
        raise TraceError(
            f"torch.fx: `root` is a {kind}, which is taken whole: trace torch.nn.Sequential({kind}(...))"
        ) from None


def unscripted(function: F) -> F:
    """The function, which torch.jit.script refuses in one line, also where it is called by what is scripted."""
    told = f"it cannot read {function.__name__} of leaky.nn; {_INSTEAD}"
    vars(function)["__script_unsupported"] = told
    return function


def _refuse(layer: torch.nn.Module) -> NoReturn:
    """What torch.jit.script asks of a module before it reads its code."""
    raise ArgumentTypeError(
        f"torch.jit.script: `obj` has a layer it cannot read, {type(layer).__name__} of leaky.nn; {_INSTEAD}"
    )
