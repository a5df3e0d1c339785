"""What measuring leaves behind: plain data, no torch, no plots.

- `diagnosis`: what the activations of a model were measured to do.
- `study`: trials, arms and comparisons of the lab; `varied`: what one adds that varies the training, too.
- `tuning`: a search for an activation's parameter.
- `across`: several studies read together.
- `ledger`: what a claim says in numbers, and what measuring it came to.
- `finding`: what a reading of a model's definition found.
"""

from __future__ import annotations

from leaky.records.across import Across, Control, Cost, Overall, Profile
from leaky.records.diagnosis import Diagnosis, Found, Site
from leaky.records.finding import Finding
from leaky.records.ledger import (
    Direction,
    Effect,
    Entry,
    Forecast,
    Hypothesis,
    Outcome,
    Prediction,
    Ruling,
)
from leaky.records.study import (
    PROTOCOL,
    Arm,
    Epoch,
    Interval,
    Metric,
    Phase,
    Status,
    Study,
    Trial,
    TrialPlan,
    Verdict,
)
from leaky.records.tuning import Layered, Learned, Point, Search, Standing, Tuning
from leaky.records.varied import Condition, Contrast, Factor

__all__ = [
    "PROTOCOL",
    "Across",
    "Arm",
    "Condition",
    "Contrast",
    "Control",
    "Cost",
    "Diagnosis",
    "Direction",
    "Effect",
    "Entry",
    "Epoch",
    "Factor",
    "Finding",
    "Forecast",
    "Found",
    "Hypothesis",
    "Interval",
    "Layered",
    "Learned",
    "Metric",
    "Outcome",
    "Overall",
    "Phase",
    "Point",
    "Prediction",
    "Profile",
    "Ruling",
    "Search",
    "Site",
    "Standing",
    "Status",
    "Study",
    "Trial",
    "TrialPlan",
    "Tuning",
    "Verdict",
]
