"""Whole models: make one lean, and back.

- `leaky.lean(model, example)`: activations and norms keep less for backward (`leaky.models.lean`).
- `leaky.check(model)`: mistakes with activations, found without running it (`leaky.models.check`).
- `leaky.unlean(model)`: undo it.
- `leaky.swap(model, before, after)`: other activations, in place; `leaky.unswap(model)` undoes it.
- `leaky.initialise_(model, scheme)`: new weights, with the gain of each layer's activation.
- `leaky.models.reestimate_norms(model, batches)`: running statistics of BatchNorms anew.
- `leaky.models.saved_bytes(function, model)`: what is kept for backward.
"""

from __future__ import annotations

from leaky.extras import require

require("torch", "torch", "leaky.models")

from torch.nn import Module  # noqa: E402  (a missing torch becomes a remedy first)

from leaky.models.check import CheckReport, check  # noqa: E402
from leaky.models.initialise import InitialisedLayer, InitialiseReport, initialise_  # noqa: E402
from leaky.models.isolate import random_inputs  # noqa: E402
from leaky.models.keeping.report import LeanReport, LeanSite  # noqa: E402
from leaky.models.lean import lean, unlean  # noqa: E402
from leaky.models.memory import saved_bytes  # noqa: E402
from leaky.models.norms import reestimate_norms  # noqa: E402
from leaky.models.swap import swap, unswap  # noqa: E402
from leaky.models.swap_report import SwapReport, SwapSite  # noqa: E402

__all__ = [
    "CheckReport",
    "InitialiseReport",
    "InitialisedLayer",
    "LeanReport",
    "LeanSite",
    "Module",
    "SwapReport",
    "SwapSite",
    "check",
    "initialise_",
    "lean",
    "random_inputs",
    "reestimate_norms",
    "saved_bytes",
    "swap",
    "unlean",
    "unswap",
]
