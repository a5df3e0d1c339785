"""A torch module for every entry of the catalogue, and the module that a spec names.

Where torch.nn has a class of that name, leaky's subclasses it: constructor, forward, `state_dict` and every
tool that looks for the torch class stay the same, and the module knows its catalogue entry. The others are written in
`leaky.nn.activations`, or run the catalogue's own formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from leaky.catalogue import MODULES, Activation, Spec, parse
from leaky.errors import ArgumentError
from leaky.nn.activations import adaptive, dynamic, funnel, random, simple, twins
from leaky.nn.activations.base import ActivationModule, finished
from leaky.nn.activations.checked import checked
from leaky.nn.activations.elementwise import Elementwise, Learned

_WRITTEN: Mapping[str, type[ActivationModule]] = {
    cls.__name__: cls
    for home in (adaptive, dynamic, funnel, random, simple, twins)
    for cls in vars(home).values()
    if isinstance(cls, type) and issubclass(cls, ActivationModule) and "entry" in vars(cls)
}
_INPLACE = (("inplace", "write the result over the input"),)


def module_class(entry: Activation) -> type[ActivationModule]:
    """The torch module class for one entry: written by hand, a subclass of torch's, or the formula alone."""
    written = _WRITTEN.get(entry.module)
    twin = getattr(torch.nn, entry.module, None)
    if written is not None and written.entry is entry:
        return finished(checked(written) if twin else written)
    own = Learned if any(parameter.learned for parameter in entry.parameters) else Elementwise
    bases: tuple[type[torch.nn.Module], ...] = (ActivationModule, twin) if twin else (own,)
    more = {"further": _INPLACE} if twin else {}
    made: type[ActivationModule] = type(
        entry.module, bases, {"entry": entry, **_KEPT.get(entry.name, {}), **more}
    )
    return finished(checked(made) if twin else made)


_KEPT: Mapping[str, Mapping[str, Any]] = {
    "adaptive_piecewise_linear": {"saved_bytes": 26, "saved_detail": ", masks and distances of every hinge"},
    "average_biased_relu": {"saved_bytes": 1, "saved_detail": ", on which side of the mean it is"},
    "pade": {"saved_bytes": 139, "saved_detail": ", what every step of both polynomials needs"},
}
"""What the formulas that stand for themselves keep, where it is not the input alone."""

CLASSES: dict[str, type[ActivationModule]] = {name: module_class(entry) for name, entry in MODULES.items()}
globals().update(CLASSES)  # pickle finds a class by its module's name


def activation(spec: str | Spec, **more: Any) -> ActivationModule:
    """The module a spec names.

    Args:
        spec: such as `leaky_relu(negative_slope=0.1)`.
        more: further arguments of the module, such as `num_parameters=64` of a PReLU; `dynamic_relu` and
            `funnel_relu` need `num_channels`.

    Raises:
        ArgumentError: the spec is none, or the module needs arguments or does not take those of `more`, or they
            are parameters, which the spec has.

    >>> activation("leaky_relu(negative_slope=0.1)")
    LeakyReLU(negative_slope=0.1)
    """
    spec = parse(spec)
    made = CLASSES[spec.activation.module]
    arguments: dict[str, Any] = dict(spec.parameters)
    if made is CLASSES["PReLU"]:  # whose argument torch calls otherwise
        arguments = {argument: arguments[name] for argument, name in made.renamed.items()}
    for name in arguments.keys() & more.keys():
        raise ArgumentError(
            f"{spec.activation.name}: `{name}` is given by the spec already, {arguments[name]!r} in {str(spec)!r}; "
            "write it there"
        )
    if spec.activation.value_formula is None and "num_channels" not in more:
        raise ArgumentError(
            f"{spec.activation.name}: needs the number of channels, give num_channels=C or make "
            f"leaky.nn.{made.__name__}(C) where the model has it"
        )
    try:
        return made(**arguments, **more)
    except TypeError as error:
        if more and "unexpected keyword" in str(error):
            raise ArgumentError(f"{spec.activation.name}: {error}") from None
        raise


class ActivationFactory:
    """What a task's model function is given: call it once for every place an activation goes.

    Each call makes a module of its own (a PReLU learns its slope per place). `spec`, `gain` and `str()` tell
    which activation it is and the gain to initialise the layer before it with.
    """

    def __init__(self, spec: str | Spec) -> None:
        self.spec = parse(spec)

    def __call__(self) -> ActivationModule:
        return activation(self.spec)

    @property
    def gain(self) -> float:
        """The He gain of the activation, from the catalogue."""
        return self.spec.gain

    def __str__(self) -> str:
        return str(self.spec)
