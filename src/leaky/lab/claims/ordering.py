"""Whether a published order of activations holds as a whole, and with which certainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leaky.lab.statistics import ordering


@dataclass(frozen=True)
class Order:
    """An order of arms by a measure in one setting, the best first, as `source` has it.

    `higher_is_better` is of the measure.
    """

    source: str
    measure: str
    setting: str
    arms: tuple[str, ...]
    higher_is_better: bool = True

    def told(self, rows: Mapping[int, Mapping[str, float]]) -> str:
        """In one sentence what resampling the seeds makes of it."""
        names = [f"{self.measure}, {arm}, {self.setting}" for arm in self.arms]
        pairs = [[row[name] for name in names] for row in rows.values() if all(name in row for name in names)]
        whole = np.asarray(pairs, np.float64).reshape(-1, len(names))
        whole = whole[np.isfinite(whole).all(1)]
        if len(whole) < 2:
            return f"Too few whole seeds for the order of {self.source}."
        found = ordering(whole if self.higher_is_better else -whole)
        return (
            f"By {self.measure} the whole order of {self.source} ({', '.join(self.arms)}, best first) holds in "
            f"{100 * found.probability:.1f} % of the resamples of {len(whole)} seeds; Kendall's tau with it is "
            f"{found.tau.estimate:.2f} ({found.tau.low:.2f} to {found.tau.high:.2f})."
        )
