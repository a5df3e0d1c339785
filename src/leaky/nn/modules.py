"""A torch module for every entry of the catalogue, made from its record.

Where torch.nn has a class of that name, leaky's subclasses it: constructor, forward, `state_dict` and every
tool that looks for the torch class stay the same, and the module knows its catalogue entry. Any other entry
becomes an `Elementwise` module that runs the catalogue's own formula.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import torch

from leaky.catalogue import MODULES, Activation, Spec, parse
from leaky.errors import ArgumentError
from leaky.nn import functional

_DOCSTRING = """{title}: f(x) = {formula}; f'(x) = {slope}.

{at_zero}.

{source}

Example:
    >>> import torch, leaky.nn
    >>> leaky.nn.{module}().eval()(torch.tensor({given})).detach().double().numpy().round(4).tolist()
    {example}
"""
_TWIN = """A torch.nn.{module}: same arguments (`negative_slope` of learned slopes is torch's `init`), same bits,
same state_dict; where torch differs from the catalogue (at NaN and infinities), it does here too.{saved}"""
_SAVED = """

Saved for backward: one bit per element (see `leaky.nn.functional.{name}`), where torch keeps a tensor."""
_OWN = """Arguments are the catalogue's parameters: {parameters}. Learned ones become torch parameters."""


class ActivationModule(torch.nn.Module):
    """Base of every activation module: `entry` is its record in the catalogue."""

    entry: ClassVar[Activation]


class Elementwise(ActivationModule):
    """An activation without a twin in torch.nn: the catalogue's formula, differentiated by autograd."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__()
        self.names: list[str] = []
        for parameter, value in zip(
            self.entry.parameters, self.entry.bind(*positional, **named).values(), strict=True
        ):
            self.names.append(parameter.name)
            setattr(
                self,
                parameter.name,
                torch.nn.Parameter(torch.as_tensor(value)) if parameter.learned else value,
            )

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input), element by element."""
        result: torch.Tensor = self.entry.value(input, **{name: getattr(self, name) for name in self.names})
        return result

    def extra_repr(self) -> str:
        """The parameters, as torch prints modules."""
        return ", ".join(f"{name}={_shown(getattr(self, name))}" for name in self.names)


def _shown(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.item():g}" if value.dim() == 0 else f"tensor of shape {tuple(value.shape)}"
    return f"{value:g}" if isinstance(value, float) else repr(value)


class _SavingReLU(torch.nn.Module):
    """Forward of a ReLU that keeps one bit per element."""

    inplace: bool

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return functional.relu(input, self.inplace)


class _SavingLeakyReLU(torch.nn.Module):
    """Forward of a Leaky ReLU that keeps one bit per element."""

    negative_slope: float
    inplace: bool

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return functional.leaky_relu(input, self.negative_slope, self.inplace)


_SAVING: dict[str, tuple[type[torch.nn.Module], ...]] = {
    "relu": (_SavingReLU,),
    "leaky_relu": (_SavingLeakyReLU,),
}


def module_class(entry: Activation) -> type[ActivationModule]:
    """The torch module class for one entry."""
    twin = getattr(torch.nn, entry.module, None)
    bases: tuple[type[torch.nn.Module], ...] = (Elementwise,)
    if twin:
        bases = (*_SAVING.get(entry.name, ()), ActivationModule, twin)
    made: type[ActivationModule] = type(entry.module, bases, {"entry": entry, "__module__": __name__})
    given = [-1.0, 0.0, 2.0] if entry.along is None else [list(row) for row in entry.along.example]
    example = made().eval()(torch.tensor(given)).detach().double().numpy().round(4).tolist()
    names = ", ".join(f"`{p.name}={p.shown}`" for p in entry.parameters) or "none"
    saved = _SAVED.format(name=entry.name) if entry.name in _SAVING else ""
    source = _TWIN.format(module=entry.module, saved=saved) if twin else _OWN.format(parameters=names)
    made.__doc__ = _DOCSTRING.format(
        title=entry.title,
        formula=entry.formula,
        slope=entry.slope,
        at_zero=entry.at_zero,
        source=source,
        module=entry.module,
        given=given,
        example=example,
    )
    return made


CLASSES: dict[str, type[ActivationModule]] = {
    name: module_class(entry) for name, entry in MODULES.items() if entry.value_formula is not None
}
globals().update(CLASSES)  # pickle finds a class by its module's name


def activation(spec: str | Spec) -> ActivationModule:
    """The module a spec names.

    >>> activation("leaky_relu(negative_slope=0.1)")
    LeakyReLU(negative_slope=0.1)
    """
    spec = parse(spec)
    made = CLASSES[spec.activation.module]
    arguments: dict[str, Any] = dict(spec.parameters)
    if not issubclass(made, Elementwise):
        for parameter in spec.activation.parameters:
            if parameter.learned:
                arguments["init"] = arguments.pop(parameter.name)
            elif parameter.name not in inspect.signature(made).parameters:
                given = arguments.pop(parameter.name)
                if given != parameter.default:
                    raise ArgumentError(
                        f"{spec.activation.name}: leaky.nn.{made.__name__} has no `{parameter.name}`, leave it out"
                    )
    return made(**arguments)


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
