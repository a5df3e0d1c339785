"""How a network is trained, as data."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from leaky.errors import ArgumentError, unknown_name
from leaky.lab.training.fields import FIELDS

_ALWAYS = ("optimizer", "momentum", "batch_size", "epochs")
"""What every trial's record has held since the first store; other fields are in it where they are not at their
defaults, so that the keys of those trials stay what they are. A default here must never change."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained, but for the learning rate, which the study chooses.

    Args:
        optimizer: "sgd", "momentum" (SGD with `momentum`), "adagrad", "rmsprop", "adam" or "adamw", torch's own.
        momentum: of SGD, at least 0 and below 1. None: 0.9 for "momentum", 0 for "sgd"; the others have none.
        schedule: of the learning rate. "constant"; "step": a tenth of it after each third of the epochs; "cosine":
            down to 0 along half a cosine; "plateau": a tenth of it when the validation score has not improved for
            longer than a tenth of the epochs; "one_cycle": up to it, then down, batch by batch (Smith, Topin 2017).
        early_stopping: epochs without a better validation score after which training ends; 0 is never. The weights
            of the best epoch are the ones that count.
        dropout: share of the activations dropped in training, at least 0 and below 1, where the task's model has
            places for it. None: as the task's model has it.
        weight_decay: factor of the L2 penalty's gradient, decoupled from it in "adamw" (Loshchilov, Hutter 2019);
            never on the learned slopes of activations, which it would pull to 0. None: torch's default, 0.01 for
            "adamw" and 0 for the others.
        normalisation: "none", "batch", "layer" or "instance", before each activation, where the task's model has
            places for it. None: as the task's model has it.
        initialisation: of every Linear and Conv layer, by `leaky.initialise_`: "he" (with the gain of the activation
            that follows), "xavier", "orthogonal", "lsuv" (on the first training samples); "default" is the layers'
            own in torch. None: as the task's model does it.
        clip_grad_norm: the norm that the gradient of all parameters together is scaled down to where it is larger.
            None: no clipping.
        batch_size: samples per step, at least 1. A last batch of one sample is left out (a batch norm cannot
            train on it).
        epochs: passes over the training data, at least 1.

    Raises:
        ArgumentError: a value that its field does not take.

    Example:
        >>> recipe = Recipe(optimizer="adamw", schedule="one_cycle", early_stopping=5)
        >>> recipe.changed(epochs=3).epochs
        3
    """

    optimizer: str = "momentum"
    momentum: float | None = None
    schedule: str = "constant"
    early_stopping: int = 0
    dropout: float | None = None
    weight_decay: float | None = None
    normalisation: str | None = None
    initialisation: str | None = None
    clip_grad_norm: float | None = None
    batch_size: int = 32
    epochs: int = 30

    def __post_init__(self) -> None:
        for name, field in FIELDS.items():
            value = getattr(self, name)
            if not field.fits(value):
                raise field.error("recipe", value)
            if name != "momentum" and field.kind == "number" and value is not None:
                object.__setattr__(self, name, float(value))  # 0 and 0.0 are one recipe, and one key
        if self.optimizer == "momentum" and self.momentum == 0:
            raise ArgumentError(
                'recipe: `momentum` must be above 0 for optimizer "momentum", got 0; "sgd" has none'
            )

    def changed(self, **values: Any) -> Recipe:
        """A copy with the values that are not None put in."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})

    def with_level(self, name: str, value: Any) -> Recipe:
        """A copy with one field set, None too. A momentum given for one optimizer is not another's."""
        if name not in FIELDS:
            raise unknown_name("recipe field", name, FIELDS)
        if name == "momentum" and self.optimizer not in ("sgd", "momentum"):
            raise ArgumentError(
                f"recipe: `momentum` is of SGD, got optimizer {self.optimizer!r}; vary `optimizer` or leave it out"
            )
        changes: dict[str, Any] = {"momentum": None} if name == "optimizer" else {}
        return replace(self, **changes, **{name: value})

    @property
    def sgd_momentum(self) -> float:
        """The momentum that SGD runs with."""
        if self.momentum is not None:
            return self.momentum
        return 0.0 if self.optimizer == "sgd" else 0.9

    @property
    def decay(self) -> float:
        """The weight decay that the optimizer runs with."""
        if self.weight_decay is not None:
            return self.weight_decay
        return 0.01 if self.optimizer == "adamw" else 0.0

    def record(self) -> dict[str, Any]:
        """Plain data for a trial's plan: `Recipe(**recipe.record())` trains alike.

        One way of training has one record: "momentum" is "sgd" with its momentum.
        """
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        told["momentum"] = self.sgd_momentum
        told["optimizer"] = "sgd" if self.optimizer == "momentum" else self.optimizer
        return {
            field.name: told[field.name]
            for field in fields(self)
            if field.name in _ALWAYS or told[field.name] != field.default
        }
