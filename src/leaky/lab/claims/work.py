"""What workers do for a measurement: one seed of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from leaky.lab.claims import table
from leaky.lab.claims.claim import Measurement, Values
from leaky.lab.environment import now
from leaky.lab.training.threads import one_thread


@dataclass(frozen=True)
class Seed:
    """What one seed gave, when, and how many seconds of one core it took."""

    values: Values
    at: str
    seconds: float


def measured(name: str, seed: int, budget: str) -> Seed:
    """One seed of a measurement, on one thread: the same numbers on any number of cores."""
    method = table.CLAIMS[name].method
    assert isinstance(method, Measurement)
    began = time.process_time()
    with one_thread():
        values = method.function(seed, **method.sizes(budget))
    return Seed(values, now(), round(time.process_time() - began, 4))
