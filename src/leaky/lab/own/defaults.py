"""What follows from the data where nothing is said: metric, loss, margin, recipe, and the words for the report."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from leaky.lab.own.losses import scaled_squared_error, weighted_cross_entropy
from leaky.lab.own.targets import Targets
from leaky.lab.recipe import Recipe

LEARNING_RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
Scale = tuple[Any, Any]
"""Mean and standard deviation of the training part's targets: a number each, or one for each output."""

_UNBALANCED = 0.75
_STEPS, _EPOCHS = 1500, (5, 60)
_MARGINS = {"mse": (0.01, 2, "variance"), "mae": (0.01, 1, "standard deviation")}
"""The smallest difference that matters: a share of which power of the targets' standard deviation, and its name."""


def metric(targets: Targets) -> str:
    """The metric that decides: accuracy of classes, mean squared error of numbers."""
    return "accuracy" if targets.of_classes else "mse"


def further_metrics(decides: Any, targets: Targets) -> tuple[str, ...]:
    """What is shown beside the metric that decides."""
    usual = ("accuracy", "balanced_accuracy") if targets.of_classes else ("mse", "mae", "r2")
    return tuple(name for name in usual if name != decides)


def scale(targets: Targets) -> Scale | None:
    """Mean and standard deviation of targets that are numbers; None for classes."""
    if targets.of_classes:
        return None
    values = targets.values.astype(np.float64)
    if values.ndim == 1:
        return float(values.mean()), float(values.std())
    return tuple(values.mean(0).tolist()), tuple(values.std(0).tolist())


def loss(decides: Any, targets: Targets, scaled: Scale | None) -> Any:
    """Cross entropy, its classes counting alike where balanced accuracy decides; of numbers the squared error in
    units of their variance."""
    if scaled is not None:
        return partial(scaled_squared_error, scaled[1])
    if decides != "balanced_accuracy":
        return None
    counts = np.bincount(targets.values, minlength=len(targets.names))
    weights = len(targets.values) / (len(counts) * np.maximum(counts, 1))
    return partial(weighted_cross_entropy, tuple(weights.tolist()))


def margin(decides: Any, scaled: Scale | None) -> tuple[float | None, str]:
    """The smallest difference that matters, and how the report says so; (None, "") where `Task` or the user knows."""
    if scaled is None:
        return None, ""
    if decides == "r2":
        return 0.01, "margin 0.01"
    if decides not in _MARGINS:
        return None, ""
    share, power, unit = _MARGINS[decides]
    spread = float(np.mean(np.asarray(scaled[1]) ** power))
    return share * spread, f"margin {100 * share:g} % of the target's {unit}"


def recipe(rows: int) -> Recipe:
    """SGD with momentum along half a cosine, some 1,500 steps in 5 to 60 epochs."""
    batch = 32 if rows <= 20_000 else 128
    fewest, most = _EPOCHS
    epochs = min(most, max(fewest, math.ceil(_STEPS * batch / rows)))
    return Recipe(optimizer="momentum", schedule="cosine", batch_size=batch, epochs=epochs)


def told_targets(targets: Targets) -> str:
    """What is learned, for the report."""
    if targets.of_classes:
        return f"{len(targets.names)} classes"
    return "one number to predict" if targets.outputs == 1 else f"{targets.outputs} numbers to predict"


def class_notes(decides: Any, targets: Targets) -> list[str]:
    """What a reader should know of the classes: that one is most of the rows, or hardly any."""
    if not targets.of_classes:
        return []
    counts = np.bincount(targets.values, minlength=len(targets.names))
    largest, share = targets.names[int(counts.argmax())], counts.max() / counts.sum()
    found = []
    if share > _UNBALANCED and decides in ("accuracy", "error_rate"):
        found.append(
            f"{share:.0%} of the training rows are of class {largest}: accuracy says little there. The metric "
            "balanced_accuracy weighs all classes alike, in the loss too."
        )
    rare = [name for name, count in zip(targets.names, counts, strict=True) if count < 2]
    if rare:
        found.append(f"Classes with a single row are trained on and never tested: {', '.join(rare[:6])}.")
    return found
