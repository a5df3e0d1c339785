"""A task: data, a model and a metric; what a study compares activations on."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from leaky.errors import TaskError
from leaky.lab.data import Batch, Samples, samples, split
from leaky.lab.recipe import Recipe
from leaky.nn import ActivationFactory
from leaky.records import Metric

MetricFunction = Callable[[torch.Tensor, torch.Tensor], float]
LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
ModelFunction = Callable[[ActivationFactory, int], torch.nn.Module]


def accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Share of samples whose largest output is at the target class."""
    return (outputs.argmax(1) == targets).float().mean().item()


def mean_squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Mean squared difference, outputs and targets of one shape."""
    return torch.nn.functional.mse_loss(outputs, targets).item()


def mean_absolute_error(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Mean absolute difference, outputs and targets of one shape."""
    return torch.nn.functional.l1_loss(outputs, targets).item()


_EVALUATION_BATCH = 1024
_METRICS: dict[str, tuple[MetricFunction, Metric]] = {
    "accuracy": (accuracy, Metric("accuracy", higher_is_better=True, percent=True)),
    "mse": (mean_squared_error, Metric("mse", higher_is_better=False, percent=False)),
    "mae": (mean_absolute_error, Metric("mae", higher_is_better=False, percent=False)),
}


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a study needs to know of a problem.

    Args:
        name: how tables and reports call it.
        train: the data to train on: a pair (inputs, targets) of arrays or tensors with samples along the first
            axis, or a map-style dataset of such pairs. float64 becomes float32, integer targets int64.
        model: a function `(activation, seed) -> torch.nn.Module`. Call `activation()` once for every place an
            activation goes; `activation.gain` is its He gain and `str(activation)` its spec. torch's global
            generator is seeded with the seed before, so a model initialised as usual is paired across
            activations.
        test: the data the final score is measured on. Left out, `test_fraction` of `train` is split off, the
            same for every trial.
        validation: the data learning rates are chosen on. Left out, `validation_fraction` of what is left of
            `train` is split off, by seed.
        metric: "accuracy", "mse", "mae", or a function `(outputs, targets) -> float` of the model's outputs
            and targets over a whole split.
        higher_is_better: the direction of a metric of your own.
        loss: a function `(outputs, targets) -> scalar tensor`; by default cross entropy for integer targets,
            mean squared error for others.
        diverged_score: the score recorded for a trial whose loss became NaN or infinite. By default what the
            best constant answer scores on the test data; needed with a metric of your own.
        margin: the smallest difference that matters in practice, in the metric's unit: 0.005 (half a
            percentage point) for accuracy, needed for any other metric unless given to the study.
        recipe: optimiser, batch size, epochs.
        learning_rates: the grid that every activation is tuned over.
        description: one sentence for the report.
        version: raise it when something changes that neither data nor source show (see `fingerprint`).

    Raises:
        TaskError: something does not fit together; the message says what and how to mend it.

    Example:
        >>> import torch, leaky
        >>> x = torch.linspace(-1, 1, 64)[:, None]
        >>> def model(activation, seed):
        ...     return torch.nn.Sequential(torch.nn.Linear(1, 8), activation(), torch.nn.Linear(8, 1))
        >>> task = leaky.lab.Task(name="parabola", train=(x, x**2), model=model, metric="mse", margin=0.001)
        >>> len(task.parts(seed=0)[0])
        38
    """

    name: str
    train: Any
    model: ModelFunction
    test: Any = None
    validation: Any = None
    test_fraction: float = 0.25
    validation_fraction: float = 0.2
    metric: str | MetricFunction = "accuracy"
    higher_is_better: bool = True
    loss: LossFunction | None = None
    diverged_score: float | None = None
    margin: float | None = None
    recipe: Recipe = field(default_factory=Recipe)
    learning_rates: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3)
    description: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        for name in ("test_fraction", "validation_fraction"):
            if not 0 < getattr(self, name) < 1:
                raise TaskError(
                    f"task `{self.name}`: `{name}` must be between 0 and 1, got {getattr(self, name)}"
                )
        if not callable(self.model):
            raise TaskError(
                f"task `{self.name}`: `model` must be a function of (activation, seed), got {self.model!r}"
            )
        if isinstance(self.metric, str) and self.metric not in _METRICS:
            known = ", ".join(_METRICS)
            raise TaskError(
                f"task `{self.name}`: `metric` must be a function or one of {known}, got {self.metric!r}"
            )
        if not isinstance(self.metric, str) and self.diverged_score is None:
            raise TaskError(
                f"task `{self.name}`: `diverged_score` is needed with a metric of your own: give the score of a "
                "useless model, to be recorded where training diverges"
            )
        given = {"train": self.train, "validation": self.validation, "test": self.test}
        held = {part: samples(self.name, part, data) for part, data in given.items() if data is not None}
        object.__setattr__(self, "_held", held)
        object.__setattr__(self, "_fixed", self._fix_test(held))

    def _fix_test(self, held: dict[str, Samples]) -> tuple[torch.Tensor, torch.Tensor | None]:
        count = len(held["train"])
        if "test" in held:
            return torch.arange(count), None
        return split(count, self.test_fraction, seed=0)

    def parts(self, seed: int) -> tuple[torch.Tensor, Part, Part]:
        """Indices into the training data to train on, and the validation and test data, for one seed."""
        held: dict[str, Samples] = self._held  # type: ignore[attr-defined]
        rest, test = self._fixed  # type: ignore[attr-defined]
        test_part = Part(held["test"], None) if test is None else Part(held["train"], test)
        if "validation" in held:
            return rest, Part(held["validation"], None), test_part
        train, validation = split(len(rest), self.validation_fraction, seed=seed)
        return rest[train], Part(held["train"], rest[validation]), test_part

    @property
    def train_samples(self) -> Samples:
        """The training data; `parts` says which of it to train on."""
        held: dict[str, Samples] = self._held  # type: ignore[attr-defined]
        return held["train"]

    @property
    def metric_record(self) -> Metric:
        """Name and direction of the metric, for tables."""
        if isinstance(self.metric, str):
            return _METRICS[self.metric][1]
        return Metric(getattr(self.metric, "__name__", "score"), self.higher_is_better, percent=False)

    def score(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """The metric as a number; a metric that is not finite counts as diverged."""
        function = _METRICS[self.metric][0] if isinstance(self.metric, str) else self.metric
        return float(function(outputs, targets))

    def loss_function(self) -> LossFunction:
        """The loss given, or the usual one for the kind of targets."""
        if self.loss is not None:
            return self.loss
        targets = self.train_samples.take(torch.arange(1))[1]
        functional = torch.nn.functional
        return functional.mse_loss if targets.dtype.is_floating_point else functional.cross_entropy

    def worst_score(self) -> float:
        """What a diverged trial scores: `diverged_score`, or what the best constant answer gets on the test data."""
        if self.diverged_score is not None:
            return self.diverged_score
        _, _, test = self.parts(seed=0)
        targets = test.targets()
        if self.metric == "accuracy":
            return targets.bincount().max().item() / len(targets)
        best = targets.mean(0) if self.metric == "mse" else targets.median(0).values
        return self.score(best.expand_as(targets), targets)

    def practical_margin(self) -> float:
        """`margin`, or half a percentage point of accuracy; other metrics have no margin of their own."""
        if self.margin is not None:
            return self.margin
        if self.metric == "accuracy":
            return 0.005
        raise TaskError(
            f"task `{self.name}`: give a `margin` (to the task, or with --margin): the smallest difference in "
            f"{self.metric_record.name} that matters to you"
        )

    def fingerprint(self) -> str:
        """A hash of the data and of the source of model, metric and loss: what a trial's key takes of the task."""
        held: dict[str, Samples] = self._held  # type: ignore[attr-defined]
        digest = hashlib.sha256(f"{self.version} {self.test_fraction} {self.validation_fraction}".encode())
        digest.update(f"{self.worst_score()!r} {self.higher_is_better}".encode())
        for part, data in sorted(held.items()):
            digest.update(f"{part} {data.fingerprint()}".encode())
        for function in (self.model, self.metric, self.loss):
            digest.update(_source(function).encode())
        return digest.hexdigest()[:24]


class Part:
    """A validation or test split: samples and which of them (all, when None)."""

    def __init__(self, samples: Samples, indices: torch.Tensor | None) -> None:
        self.samples = samples
        self.indices = torch.arange(len(samples)) if indices is None else indices
        self._kept: list[Batch] = []

    def __len__(self) -> int:
        return len(self.indices)

    def batches(self) -> list[Batch] | Iterator[Batch]:
        """The split in order, in batches of at most 1,024; those of arrays are gathered once and kept."""
        if self.samples.targets is None:
            return self.samples.batches(self.indices, _EVALUATION_BATCH)
        self._kept = self._kept or list(self.samples.batches(self.indices, _EVALUATION_BATCH))
        return self._kept

    def targets(self) -> torch.Tensor:
        """The targets of the whole split."""
        return torch.cat([targets for _, targets in self.batches()])


def _source(function: Any) -> str:
    if function is None or isinstance(function, str):
        return str(function)
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt, or a callable object: its name is all there is
        return getattr(function, "__qualname__", type(function).__qualname__)
