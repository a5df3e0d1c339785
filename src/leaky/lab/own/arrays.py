"""`leaky.lab.task`: a task from arrays or data frames, in one call."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from leaky.errors import ArgumentError
from leaky.lab.definition import ModelFunction, Task
from leaky.lab.metrics import MetricFunction, NamedMetric
from leaky.lab.own.assemble import Samples, assemble
from leaky.lab.own.frames import array_of, columns_of_array, columns_of_frame, is_frame
from leaky.lab.own.grids import COLOURS, Grid, grid
from leaky.lab.own.table import Table
from leaky.lab.own.targets import targets

Kind = Literal["table", "images", "sequences"]
_AXES = {"table": (2,), "images": (3, 4), "sequences": (3,)}


def task(
    X: Any,
    y: Any,
    *,
    kind: Kind | None = None,
    name: str = "own data",
    model: str | ModelFunction | None = None,
    metric: str | MetricFunction | NamedMetric | None = None,
    test: tuple[Any, Any] | None = None,
    validation: tuple[Any, Any] | None = None,
    **fields: Any,
) -> Task:
    """A task from data of your own: model, loss and metric follow from their kind, and each can be given instead.

    What `X` is read as, and the models for it, the first by default:

    - (N, columns) or a data frame: a table. Numbers are standardised, words one-hot, a missing number is the median
      beside a column that says where. "shallow" (2 hidden layers of 64 units), "deep" (20).
    - (N, C, H, W) or (N, H, W, C), or (N, H, W) of uint8 or square: pictures, standardised by channel. "vgg",
      "vgg_norm", "resnet8".
    - (N, C, T): sequences, standardised by channel. "cnn" (convolutions over time), "cnn_norm".

    What `y` is read as:

    - words, booleans, whole numbers: classes. Cross entropy; accuracy decides, half a percentage point matters.
    - floats, (N,) or (N, outputs): numbers, learned standardised. The squared error in their own unit decides, 1 % of
      their variance matters.

    A quarter of the rows, of every class in proportion, is the test part, the same for every trial; means, medians
    and words are those of the other rows.

    Args:
        X: NumPy or torch array, list, or data frame (pandas, polars, pyarrow) of N rows.
        y: N targets; several numbers a row are floats of shape (N, outputs).
        kind: "table", "images" or "sequences", where the shape does not say it.
        name: how tables and reports call it.
        model: a name from the table, or a function `(activation, seed) -> torch.nn.Module` as in `Task`. Where the
            targets are numbers, what it returns learns them standardised.
        metric: as in `Task`. "mse" or "mae" make numbers of whole `y`, "accuracy" makes classes of whole floats;
            "balanced_accuracy" weighs the classes alike in the loss too.
        test: (X, y) to test on; nothing is split off then. Give it where rows belong together, as in time.
        validation: (X, y) that learning rates are chosen on.
        fields: any other field of `Task`: `margin`, `recipe` (changes are enough: {"optimizer": "adamw"}), `loss`,
            `learning_rates`, `test_fraction`, `description`, ...

    Returns:
        A `Task` for `leaky.lab.compare` and the others.

    Raises:
        ArgumentError: shapes, kinds or values that cannot be used; infinite inputs, missing targets, one class only,
            fewer than 20 rows.

    Example:
        >>> import numpy as np, leaky
        >>> X = np.random.default_rng(0).normal(size=(400, 3))
        >>> task = leaky.lab.task(X, X.sum(1) > 0, name="sign of the sum")
        >>> task.description[:69]
        '300 training and 100 test rows: 3 columns as 3 numbers, 2 classes, a '
    """
    inputs = _inputs(X, kind)
    learned = targets(y, metric)

    def part(which: str, pair: Any) -> Samples | None:
        if pair is None:
            return None
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ArgumentError(f"task: `{which}` must be a pair (X, y), got {type(pair).__name__}")
        return Samples(_inputs(pair[0], inputs.kind), targets(pair[1], like=learned))

    return assemble(
        Samples(inputs, learned),
        name=name,
        model=model,
        metric=metric,
        test=part("test", test),
        validation=part("validation", validation),
        given=fields,
    )


def _inputs(X: Any, kind: str | None) -> Table | Grid:
    if kind is not None and kind not in _AXES:
        raise ArgumentError(f"task: `kind` must be one of {', '.join(_AXES)}, got {kind!r}")
    if is_frame(X):
        return Table(columns_of_frame(X))
    array = array_of("X", X)
    found = kind or _kind(array)
    if array.ndim not in _AXES[found]:
        raise ArgumentError(
            f"task: `X` of shape {array.shape} is not {found}; these have {' or '.join(map(str, _AXES[found]))} axes"
        )
    return Table(columns_of_array(array), named=False) if found == "table" else grid(array, found)


def _kind(array: np.ndarray[Any, Any]) -> str:
    """What an array's shape says: pictures of three axes are square or of uint8."""
    if array.ndim == 2:
        return "table"
    if array.ndim == 3:
        return "images" if array.dtype == np.uint8 or array.shape[1] == array.shape[2] else "sequences"
    if array.ndim == 4 and (array.shape[1] in COLOURS or array.shape[3] in COLOURS):
        return "images"
    raise ArgumentError(
        f"task: `X` of shape {array.shape} is neither a table (N, columns), nor pictures (N, C, H, W), nor sequences "
        "(N, C, T); reshape it, or say `kind`"
    )
