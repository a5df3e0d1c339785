"""The catalogue's name for a torch module."""

from __future__ import annotations

import torch

from leaky import nn
from leaky.catalogue import Spec, lookup
from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.models.activations import ENTRIES, class_of, own_forward, spec_of


def from_module(module: torch.nn.Module, *, mean: bool = False) -> Spec:
    """The entry and the parameters of an activation module, of torch.nn or of leaky.nn.

    `str()` of the result is the spec, `.activation` the entry; `leaky.translate(result, to="jax")` says it elsewhere.

    Arguments:
        module: such as `torch.nn.LeakyReLU(0.2)`; a subclass counts as the class it comes from.
        mean: a spec has one number per parameter. Learned values that have come to differ between channels are
            refused, unless this asks for their mean.

    Raises `ArgumentTypeError` for what is not a module, `ArgumentError` for a module that is no activation of the
    catalogue, whose forward is not its class's, whose parameters are out of the entry's domain, or whose learned
    values differ.

    >>> import torch
    >>> print(from_module(torch.nn.LeakyReLU(0.2)))
    leaky_relu(negative_slope=0.2)
    >>> print(from_module(torch.nn.PReLU(8)))
    prelu(negative_slope=0.25)
    """
    if not isinstance(module, torch.nn.Module):
        raise ArgumentTypeError(f"from_module: `module` must be a torch.nn.Module, got {module!r}")
    name = type(module).__name__
    if isinstance(module, torch.nn.Threshold):
        return _threshold(module)
    if class_of(module) is None:
        known = sorted({cls.__name__ for cls in ENTRIES if _public(cls)})
        raise ArgumentError(
            f"from_module: `module` must be an activation of the catalogue, got {name}; these are {', '.join(known)}"
        )
    problem = own_forward(module)
    if problem:
        raise ArgumentError(
            f"from_module: cannot tell what {name} computes, {problem}; give its spec as text"
        )
    if not mean:
        _refuse_differing(module, name)
    spec = spec_of(module)
    if spec is None:
        raise ArgumentError(f"from_module: the parameters of {name} are not numbers; give its spec as text")
    return Spec(spec.activation, tuple(spec.activation.bind(**spec.parameters).values()))


def _public(cls: type[torch.nn.Module]) -> bool:
    """Whether a user can make one: a class of torch.nn or of leaky.nn."""
    return cls.__module__.startswith("torch.nn") or getattr(nn, cls.__name__, None) is cls


def _threshold(module: torch.nn.Threshold) -> Spec:
    if module.value != 0:
        raise ArgumentError(
            f"from_module: Threshold is an activation of the catalogue with value=0, got value={module.value}"
        )
    entry = lookup("thresholded_relu")
    return Spec(entry, tuple(entry.bind(threshold=float(module.threshold)).values()))


def _refuse_differing(module: torch.nn.Module, name: str) -> None:
    entry = ENTRIES[class_of(module)]  # type: ignore[index]
    for parameter in entry.parameters:
        held = getattr(module, parameter.name, getattr(module, "weight", None)) if parameter.learned else None
        if not isinstance(held, torch.Tensor) or held.numel() == 0:
            continue
        terms = held.detach().reshape(held.shape[0], -1) if parameter.series else held.detach().reshape(1, -1)
        if bool((terms != terms[:, :1]).any()):
            raise ArgumentError(
                f"from_module: `{parameter.name}` of {name} has {held.numel()} values from {held.min().item():.4g} "
                f"to {held.max().item():.4g}, a spec has one; mean=True takes their mean"
            )
