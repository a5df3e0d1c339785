"""What a study that varies how the networks are trained adds to a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaky.records.study import Arm, Interval, Verdict


@dataclass(frozen=True)
class Factor:
    """A field of the recipe and the levels it was given, as they are written on the shell."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Contrast:
    """How much more an activation gains on the baseline under a condition than under the study's first one.

    `change` is the mean over seeds of (improvement here) - (improvement there), all four scores of one seed;
    positive where the activation gains more here, whatever the metric's direction. `verdict` reads it against the
    study's margin: better is more, worse is less. `detectable` is as in `Arm`.
    """

    activation: str
    change: Interval | None
    p_value: float | None
    p_holm: float | None
    detectable: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Condition:
    """One combination of levels, in the order of the factors, with the arms of all activations under it.

    `contrasts` has one entry for every activation but the baseline; it is empty for the first condition.
    """

    levels: tuple[str, ...]
    recipe: dict[str, Any]
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...] = ()

    def arm(self, activation: str) -> Arm:
        """The arm of that activation."""
        return next(arm for arm in self.arms if arm.activation == activation)

    def contrast(self, activation: str) -> Contrast | None:
        """The contrast of that activation; None for the baseline and under the first condition."""
        return next((found for found in self.contrasts if found.activation == activation), None)
