"""What a task's model function is given: activations, and the parts that a recipe may put around them."""

from __future__ import annotations

import torch

from leaky.catalogue import Spec, parse
from leaky.errors import TaskError
from leaky.lab.recipe import Recipe
from leaky.nn import ActivationFactory, ActivationModule

PLACES = "; "
"""What joins the activations of several places."""

_BATCH = (torch.nn.BatchNorm1d, torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)
_INSTANCE = (torch.nn.InstanceNorm1d, torch.nn.InstanceNorm2d, torch.nn.InstanceNorm3d)


class ModelFactory(ActivationFactory):
    """Call it once for every place an activation goes; ask it for norms and dropout, where the model has places.

    A model that asks for neither trains with any recipe that leaves both to the task. `normalisation` and `dropout`
    of a recipe are refused for it, in one line.

    Args:
        spec: the activation; or the activations of all places in the order in which they are asked for, joined by
            `; `: then `spec` and `gain` tell of the place that is asked for next.
        recipe: whose `normalisation` and `dropout` the parts follow; by default they are the task's own.

    Example:
        >>> make = ModelFactory("relu", Recipe(normalisation="batch", dropout=0.1))
        >>> torch.nn.Sequential(torch.nn.Linear(4, 8), *make.block(8), torch.nn.Linear(8, 2))
        Sequential(
          (0): Linear(in_features=4, out_features=8, bias=True)
          (1): BatchNorm1d(8, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
          (2): ReLU()
          (3): Dropout(p=0.1, inplace=False)
          (4): Linear(in_features=8, out_features=2, bias=True)
        )
    """

    def __init__(self, spec: str | Spec, recipe: Recipe | None = None) -> None:
        self._specs = (spec,) if isinstance(spec, Spec) else tuple(map(parse, spec.split(PLACES)))
        super().__init__(self._specs[0])
        self.recipe = recipe or Recipe()
        self.places = 0
        """How many activations were asked for."""
        self.supported: set[str] = set()
        """The fields of the recipe that the model has asked for."""
        self._positions = False

    def __call__(self) -> ActivationModule:
        self.places += 1
        if self.places > len(self._specs) > 1:
            raise TaskError(
                f"activation: {len(self._specs)} places are named, the model asks for more; name one for each"
            )
        made = super().__call__()
        self.spec = self._specs[min(self.places, len(self._specs) - 1)]
        return made

    def norm(self, channels: int, dims: int = 0, default: str = "none") -> torch.nn.Module:
        """A norm over inputs of shape (N, channels) and `dims` more axes; `default` is the task's own kind.

        "layer" takes mean and variance of a sample, over channels and positions together, as `GroupNorm(1, ...)`.
        "instance" is over positions, so it leaves out layers of units alone, where `dims` is 0.
        """
        self.supported.add("normalisation")
        kind = self.recipe.normalisation or default
        if kind == "batch":
            return _BATCH[dims](channels)
        if kind == "layer":
            return torch.nn.LayerNorm(channels) if dims == 0 else torch.nn.GroupNorm(1, channels)
        if kind == "instance":
            self._positions = self._positions or dims > 0
            return _INSTANCE[dims - 1](channels, affine=True) if dims else torch.nn.Identity()
        return torch.nn.Identity()

    def dropout(self, default: float = 0.0) -> torch.nn.Module:
        """Dropout; `default` is the task's own share."""
        self.supported.add("dropout")
        share = default if self.recipe.dropout is None else self.recipe.dropout
        return torch.nn.Dropout(share) if share else torch.nn.Identity()

    def block(
        self, channels: int, dims: int = 0, *, normalisation: str = "none", dropout: float = 0.0
    ) -> list[torch.nn.Module]:
        """Norm, activation and dropout, without those that do nothing; the keywords are the task's own."""
        parts = [self.norm(channels, dims, normalisation), self(), self.dropout(dropout)]
        return [part for part in parts if not isinstance(part, torch.nn.Identity)]

    def refused(self, task: str) -> None:
        """Raise `TaskError` where the recipe asks for a part that the model built with this has no place for."""
        if (
            self.recipe.normalisation == "instance"
            and "normalisation" in self.supported
            and not self._positions
        ):
            raise TaskError(
                f"task `{task}`: `normalisation` instance needs positions to average over, got layers of units; "
                "use batch or layer"
            )
        for field, call in (
            ("normalisation", "activation.norm(channels)"),
            ("dropout", "activation.dropout()"),
        ):
            if getattr(self.recipe, field) is not None and field not in self.supported:
                raise TaskError(
                    f"task `{task}`: its model has no place for `{field}`, got {getattr(self.recipe, field)!r}; "
                    f"leave it out, or call `{call}` in the model"
                )
