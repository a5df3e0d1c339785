"""Looking into a network: what its activations do while it runs.

- `leaky.watch(model)`: measure while it trains (`leaky.doctor.watch`).
- `leaky.diagnose(model, batches)`: measure over one pass (`leaky.doctor.diagnose`).
- `leaky.doctor.verdicts(diagnosis)`: what the measurements say is wrong, and what to do (`leaky.doctor.rules`).
"""

from __future__ import annotations

from leaky.doctor.diagnosis import Diagnosis
from leaky.doctor.rules import verdicts
from leaky.records.verdict import Evidence, Verdict

__all__ = ["Diagnosis", "Evidence", "Verdict", "verdicts"]
