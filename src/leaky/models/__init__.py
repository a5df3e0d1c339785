"""Whole models: make one lean, and back.

- `leaky.lean(model, example)`: activations and norms keep less for backward (`leaky.models.lean`).
- `leaky.unlean(model)`: undo it.
- `leaky.models.saved_bytes(function, model)`: what is kept for backward.
"""

from __future__ import annotations

from leaky.extras import require

require("torch", "torch", "leaky.models")

from torch.nn import Module  # noqa: E402  (a missing torch becomes a remedy first)

from leaky.models.isolate import random_inputs  # noqa: E402
from leaky.models.lean import lean, unlean  # noqa: E402
from leaky.models.memory import saved_bytes  # noqa: E402
from leaky.models.report import LeanReport, LeanSite  # noqa: E402

__all__ = ["LeanReport", "LeanSite", "Module", "lean", "random_inputs", "saved_bytes", "unlean"]
