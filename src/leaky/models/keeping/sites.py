"""What `lean` finds in a model: activations, calls of such functions, and norms followed by them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from leaky import nn
from leaky.models.functions import Call
from leaky.models.keeping import others
from leaky.models.keeping.again import Again
from leaky.models.keeping.holders import Use
from leaky.nn import norms

ACTIVATIONS = (
    *(torch.nn.LeakyReLU, nn.LeakyReLU, torch.nn.ReLU, nn.ReLU),
    *others.OTHERS,
    *(other.becomes for other in others.OTHERS.values()),
)
DONE = frozenset({nn.BiasAct, *norms.CLASSES})
KINDS: tuple[type[torch.nn.Module], ...] = (torch.nn.LeakyReLU, torch.nn.ReLU, *others.CLASSES)


@dataclass
class Activation:
    """An activation module. `uses` says per call in a graph who else keeps its input and its output."""

    name: str
    also: tuple[str, ...]
    call: Call
    own_class: str = ""
    """The class where it is a subclass of the user's: such a module is left alone."""
    uses: list[Use] = field(default_factory=list)
    changed: str | None = None
    """Who changes its output in place later, or may."""
    refused: list[str] = field(default_factory=list)
    """Why norms before it were not fused with it."""


@dataclass(frozen=True)
class Pair:
    """A norm and what follows it everywhere: activation modules, or calls made in the forward of `owner`."""

    norm: str
    activations: tuple[str, ...]
    slope: float
    owner: str | None = None
    cover: str = ""
    """The innermost module in whose forward both run."""
    calls: int = 1
    """How often the graphs call the norm."""
    unproved: str = ""
    """Why the graphs alone do not prove it: then the whole model must be tried on an example."""
    around: tuple[str, ...] = ()
    """Modules whose forward ends after the norm or starts before the activation, or that hand on what is between the
    two: hooks on them look there."""
    behind: tuple[str, ...] = ()
    """The layers that keep the activation's output, where no others do: they can do without."""
    freed: bool = False
    """Whether nothing else keeps it."""

    @property
    def relu(self) -> bool:
        """Whether the activation is a ReLU, not a leaky one."""
        return self.slope == 0

    def made_by(self, call: Call) -> bool:
        """Whether a call is of the function that the activation is."""
        return not call.other and (call.relu, call.slope) == (self.relu, self.slope)


@dataclass
class Calls:
    """The calls of one kind of function with one slope in the forward of one module."""

    owner: str
    call: Call
    uses: list[Use] = field(default_factory=list)
    changed: str | None = None
    seen: bool = True
    """False where only the name of the function was found in code that does not trace."""
    refused: list[str] = field(default_factory=list)


@dataclass
class Sites:
    """Everything found."""

    activations: dict[str, Activation]
    pairs: list[Pair]
    calls: dict[tuple[str, Call], Calls]
    checkpoints: frozenset[str]
    """Modules whose code calls torch.utils.checkpoint."""
    norms: dict[str, list[Use]] = field(default_factory=dict)
    """Calls of norms in graphs: who else keeps their input."""
    again: list[Again] = field(default_factory=list)
    """Norms and smooth activations that keep more than one tensor."""
    done: tuple[str, ...] = ()
    """Modules of leaky that hold an activation and keep no more than they need."""


def call_of(module: Any) -> Call:
    """What an activation module computes."""
    if isinstance(module, torch.nn.LeakyReLU):
        return Call(False, module.negative_slope, module.inplace)
    if isinstance(module, torch.nn.ReLU):
        return Call(True, 0.0, module.inplace)
    inplace = bool(getattr(module, "inplace", False))
    return Call(False, 0.0, inplace, others.name_of(module), others.settings_of(module))
