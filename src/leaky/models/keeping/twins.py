"""What the modules of a lean model are: subclasses that take the place of a module's class, never of the module.

The object stays: its registration under any number of names, parameters, buffers, hooks, flags and the optimiser's
references. `state_dict` has the same keys. `restore` gives the class back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from leaky import nn
from leaky.catalogue import Spec, lookup
from leaky.models.keeping.behind import Reading, reading_class
from leaky.models.keeping.calls import LeanForward, calls_are_lean, finish
from leaky.models.keeping.marks import Mark, put, take
from leaky.models.keeping.others import OTHERS
from leaky.nn import norms
from leaky.nn.layers.curves import CURVES, Curve, curved
from leaky.nn.whole import whole

_ORIGINAL = "_leaky_original"


@dataclass(frozen=True)
class Original:
    """What a module was, which attributes it was given since, and those of the same names that it had."""

    cls: type[torch.nn.Module]
    became: type[torch.nn.Module]
    added: tuple[str, ...]
    hidden: dict[str, Any]

    def __reduce__(self) -> Any:  # classes that are made when they are asked for are not found by name
        reads = issubclass(self.became, Reading)
        return _original, (self.cls, None if reads else self.became, self.added, self.hidden)


def _original(cls: Any, became: Any, added: tuple[str, ...], hidden: dict[str, Any]) -> Original:
    return Original(cls, reading_class(cls) if became is None else became, added, hidden)


def become(module: torch.nn.Module, cls: type[torch.nn.Module], **added: Any) -> None:
    """Give a module another class and more attributes; remember how it was."""
    hidden = {name: vars(module)[name] for name in added if name in vars(module)}
    vars(module).update(added, **{_ORIGINAL: Original(type(module), cls, tuple(added), hidden)})
    if cls is not type(module):
        module.__class__ = cls


def restore(module: torch.nn.Module) -> bool:
    """Undo `become`; whether there was anything to undo. What the user has replaced since is the user's."""
    original: Original | None = vars(module).pop(_ORIGINAL, None)
    if original is None:
        return False
    if original.became is not original.cls and type(module) is not original.became:
        # another class was made from ours since, as parametrizations do
        vars(module).update(_absorption=None, _alone=False)
        return True
    for name in original.added:
        if name == "forward" and not isinstance(vars(module).get(name), LeanForward):
            continue
        vars(module).pop(name, None)
        if name in original.hidden:
            vars(module)[name] = original.hidden[name]
    if original.became is not original.cls:
        module.__class__ = original.cls
    return True


def is_lean(module: torch.nn.Module) -> bool:
    """Whether `lean` has changed this module."""
    return _ORIGINAL in vars(module)


@whole
class AbsorbedLeakyReLU(nn.LeakyReLU):
    """A LeakyReLU that norms apply already: it hands their outputs on, and activates anything else."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The input, where the norm before has activated it."""
        left = None if torch.compiler.is_compiling() else take(input, self.negative_slope, self.inplace)
        return super().forward(input) if left is None else finish(input, left)


@whole
class AbsorbedReLU(nn.ReLU):
    """A ReLU that norms apply already, as `AbsorbedLeakyReLU`; what it activates itself is torch's, or keeps bits."""

    _bits: bool = False

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The input, where the norm before has activated it."""
        left = None if torch.compiler.is_compiling() else take(input, 0.0, self.inplace)
        if left is not None:
            return finish(input, left)
        return super().forward(input) if self._bits else torch.nn.ReLU.forward(self, input)


@dataclass
class Absorption:
    """What a fused norm knows of the activation after it: modules, or calls of a function where there are none.

    `around` are the modules whose forward ends, or starts, between the two, and those that hand on what is there.
    """

    norm: str
    slope: float
    activations: tuple[torch.nn.Module, ...]
    around: tuple[torch.nn.Module, ...] = ()

    def holds(self) -> bool:
        """Whether the activation is still there, the same, and nobody watches what goes into it."""
        if any(has_hooks(module) or _drops(module) for module in self.around):
            return False
        if not self.activations:
            return calls_are_lean()
        return all(
            isinstance(module, AbsorbedLeakyReLU | AbsorbedReLU)
            and getattr(module, "negative_slope", 0.0) == self.slope
            and not has_hooks(module)
            for module in self.activations
        )


def _drops(module: torch.nn.Module) -> bool:
    """Whether a dropout, which dropped nothing when the model was made lean, does now."""
    return isinstance(module, torch.nn.modules.dropout._DropoutNd) and module.p != 0


def has_hooks(module: torch.nn.Module) -> bool:
    """Whether hooks see the tensors that go in or out of a module."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


@whole
class AbsorbingNorm(torch.nn.Module):
    """A norm that applies its activation too, while gradients are computed and nobody looks in between.

    Without gradients, with hooks on either module, or under a compiler it is the norm it was.
    """

    plain: ClassVar[type[torch.nn.Module]]
    absorbs: ClassVar[bool] = True
    _absorption: Absorption | None
    _alone: bool = False
    """Whether it applies no activation, and keeps what it can do with."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The norm's output, activated and marked as such, or plain."""
        absorption = self._absorption
        if self._alone and self._has_gradient(input):
            normalised: torch.Tensor = super().forward(input)
            return normalised
        if absorption is None or not (self._has_gradient(input) and absorption.holds()):
            result: torch.Tensor = self.plain.forward(self, input)
            return result
        output: torch.Tensor = super().forward(input)
        return put(output, Mark(absorption.norm, absorption.slope))

    def _has_gradient(self, input: Any) -> bool:
        return (
            not torch.compiler.is_compiling()
            and torch.is_grad_enabled()
            and isinstance(input, torch.Tensor)
            and (
                input.requires_grad
                or any(p is not None and p.requires_grad for p in self._parameters.values())
            )
            and not torch._C._are_functorch_transforms_active()
            and torch._C._get_tracing_state() is None
            and not has_hooks(self)
            and not torch.nn.modules.module._has_any_global_hook()
        )


def _absorbing(fused: type[torch.nn.Module]) -> tuple[type[torch.nn.Module], type[torch.nn.Module]]:
    name = fused.__name__.replace("Act", "")
    plain: type[torch.nn.Module] = getattr(torch.nn, name)
    parents = (AbsorbingNorm, fused) if issubclass(fused, plain) else (AbsorbingNorm, fused, plain)
    members = {"plain": plain, "__module__": __name__, "__doc__": AbsorbingNorm.__doc__}
    return plain, type(f"Absorbing{name}", parents, members)


NORMS: dict[type[torch.nn.Module], type[torch.nn.Module]] = dict(map(_absorbing, norms.CLASSES))
"""The class that each torch norm becomes."""
globals().update({cls.__name__: cls for cls in NORMS.values()})  # pickle finds a class by its module's name


def absorb(norm: torch.nn.Module, absorption: Absorption) -> None:
    """Let a norm apply the activation that follows it."""
    slope = float(absorption.slope)
    spec = Spec(lookup("leaky_relu"), (slope,)) if slope else Spec(lookup("relu"), ())
    become(norm, NORMS[type(norm)], activation=spec, _absorption=absorption)
    for module in absorption.activations:
        if not is_lean(module):
            become(
                module, AbsorbedLeakyReLU if slope else AbsorbedReLU, **({} if slope else {"_bits": False})
            )


def keep_output(norm: torch.nn.Module) -> None:
    """Let a norm keep its output, or what it can do with where nobody needs the output."""
    become(
        norm, NORMS[type(norm)], activation=Spec(lookup("leaky_relu"), (1.0,)), _absorption=None, _alone=True
    )


@whole
class Curved(torch.nn.Module):
    """SiLU, GELU, Mish or Hardswish, not in place, whose output backward can compute again."""

    curve: ClassVar[Curve]

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return curved(input, self.curve, {name: getattr(self, name) for name in self.curve.settings})


CURVED: dict[type[torch.nn.Module], type[torch.nn.Module]] = {
    cls: type(f"Curved{cls.__name__}", (Curved, cls), {"curve": curve, "__module__": __name__})
    for cls, curve in CURVES.items()
}
"""The class that each of them becomes."""
globals().update({cls.__name__: cls for cls in CURVED.values()})  # as above


def keep_input(activation: torch.nn.Module) -> None:
    """Let an activation keep its input, and compute its output again for the layers behind."""
    added = {"inplace": False} if hasattr(activation, "inplace") else {}
    become(activation, CURVED.get(type(activation)) or OTHERS[type(activation)].becomes, **added)


def read_again(layer: torch.nn.Module) -> None:
    """Let a layer not keep an input that backward can compute again."""
    if not is_lean(layer) and not isinstance(layer, Reading):
        become(layer, reading_class(type(layer)))


def keep_bits(activation: torch.nn.Module) -> None:
    """Let an activation keep one bit per element, or what its kind can do with."""
    if not is_lean(activation):
        other = OTHERS.get(type(activation))
        if other is not None:
            become(activation, other.becomes)
        else:
            become(activation, nn.ReLU if isinstance(activation, torch.nn.ReLU) else nn.LeakyReLU)
    elif type(activation) is AbsorbedReLU:
        vars(activation)["_bits"] = True


def lean_calls(owner: torch.nn.Module, kinds: frozenset[str]) -> None:
    """Let the calls in a module's forward keep one bit per element."""
    forward = LeanForward(owner, kinds)
    become(owner, type(owner), forward=forward, _replicate_for_data_parallel=forward.replicate)
