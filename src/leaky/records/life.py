"""A site over time: what each measured step saw, and which units died or came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Event = Literal["born_dead", "died", "revived"]


@dataclass(frozen=True)
class Window:
    """One measured step: `step` updates had been made before it."""

    step: int
    samples: int
    positive: NDArray[np.float32]
    """Share of inputs above 0, per unit."""
    never_active: float
    """Share of units that were not active in this step."""
    input_mean: float
    mean: float
    scale: float
    gradient_before: float
    gradient_after: float


@dataclass(frozen=True)
class Life:
    """Which units were inactive in the first window, and every change since, exactly as the windows show it.

    A unit is dead in a window where it is active on no sample of it: with few samples a window, or rare units, it
    comes and goes. `events` holds (step, unit, event), the first 10,000 of them; the rest is exact however many
    windows of a long run `Site.windows` still holds.
    """

    measured: int = 0
    born_dead: tuple[int, ...] = ()
    died: Mapping[int, int] = field(default_factory=dict)
    """Units dead in the last window and active before: the step their present death was first seen at."""
    revived: Mapping[int, int] = field(default_factory=dict)
    """Units active in the last window and dead before: the step they came back at."""
    events: tuple[tuple[int, int, Event], ...] = ()
