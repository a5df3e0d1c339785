"""A task: data, a model and a metric; what a study compares activations on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from leaky.errors import TaskError
from leaky.lab.data import Part, Samples, samples, split
from leaky.lab.factory import ModelFactory
from leaky.lab.identity import identity
from leaky.lab.metrics import METRICS, MetricFunction, NamedMetric, named_metric
from leaky.lab.recipe import Recipe
from leaky.records import Metric

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
PredictFunction = Callable[[torch.nn.Module, Any], torch.Tensor]
ModelFunction = Callable[[ModelFactory, int], torch.nn.Module]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a study needs to know of a problem.

    Args:
        name: how tables and reports call it.
        train: the data to train on: a pair (inputs, targets) of arrays or tensors with samples along the first
            axis, or a map-style dataset of such pairs. float64 becomes float32, integer targets int64.
        model: a function `(activation, seed) -> torch.nn.Module`. Call `activation()` once for every place an
            activation goes; `activation.gain` is its He gain and `str(activation)` its spec, and norms and dropout
            from `activation.norm(channels)` and `activation.dropout()` follow the recipe. torch's global
            generator is seeded with the seed before, so a model initialised as usual is paired across
            activations.
        test: the data the final score is measured on. Left out, `test_fraction` of `train` is split off, the
            same for every trial.
        validation: the data learning rates are chosen on. Left out, `validation_fraction` of what is left of
            `train` is split off, by seed.
        metric: "accuracy", "error_rate", "balanced_accuracy", "mse", "mae", "r2", a function
            `(outputs, targets) -> float` of the model's outputs and targets over a whole split, or a `NamedMetric`.
            It alone decides.
        metrics: further ones (names or `NamedMetric`s), measured on the test data and shown beside it.
        higher_is_better: the direction of a metric of your own.
        predict: a function `(model, inputs) -> outputs` for the metrics, where they want other outputs than the
            loss: sentences instead of probabilities, say. By default both take `model(inputs)`.
        loss: a function `(outputs, targets) -> scalar tensor`; by default cross entropy for integer targets,
            mean squared error for others.
        diverged_score: the score recorded for a trial whose loss became NaN or infinite. By default what the
            best constant answer scores; needed with a metric of your own.
        trivial: what needs no network, such as "the majority class"; by default the best constant answer, where
            the metric has one.
        trivial_score: what that scores on the test data.
        margin: the smallest difference that matters in practice, in the metric's unit: 0.005 (half a
            percentage point) for accuracy and error rate, needed for any other metric unless given to the study.
        recipe: optimiser, batch size, epochs.
        learning_rates: the grid that every activation is tuned over.
        description: one sentence for the report.
        notes: what a reader of the results should know of the data, a sentence each.
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
    metric: str | MetricFunction | NamedMetric = "accuracy"
    higher_is_better: bool = True
    metrics: tuple[str | NamedMetric, ...] = ()
    predict: PredictFunction | None = None
    loss: LossFunction | None = None
    diverged_score: float | None = None
    trivial: str = ""
    trivial_score: float | None = None
    margin: float | None = None
    recipe: Recipe = field(default_factory=Recipe)
    learning_rates: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3)
    description: str = ""
    notes: tuple[str, ...] = ()
    version: str = ""

    def __post_init__(self) -> None:
        self._check()
        given = {"train": self.train, "validation": self.validation, "test": self.test}
        held = {part: samples(self.name, part, data) for part, data in given.items() if data is not None}
        object.__setattr__(self, "_held", held)
        object.__setattr__(self, "_fixed", self._fix_test(held))
        train, validation, test = self.parts(seed=0)
        if not (len(train) and len(validation) and len(test)):
            raise TaskError(
                f"task `{self.name}`: {len(held['train'])} samples in `train` are too few to split; give more, or "
                "`validation` and `test` of their own"
            )
        targets = self.train_samples.take(torch.arange(1))[1]
        if self.of_classes and (targets.dtype.is_floating_point or targets.dim() != 1):
            raise TaskError(
                f"task `{self.name}`: {self.metric_record.name} needs one integer class a sample as target, got "
                f"{targets.dtype} of shape {tuple(targets.shape[1:])}; give class numbers or another metric"
            )

    def _check(self) -> None:
        """Every field that is not data; the first that does not fit is told."""

        def number(value: Any) -> bool:
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

        rates = self.learning_rates
        known = ", ".join(METRICS)
        named = isinstance(self.metric, str)
        own = callable(self.metric) or isinstance(self.metric, NamedMetric)
        others = isinstance(self.metrics, tuple | list)
        for name, fits, wanted in (
            ("name", isinstance(self.name, str) and self.name.strip() != "", "text"),
            ("description", isinstance(self.description, str), "text"),
            (
                "notes",
                isinstance(self.notes, tuple | list) and all(isinstance(note, str) for note in self.notes),
                "a tuple of texts",
            ),
            ("model", callable(self.model), "a function of (activation, seed)"),
            (
                "metric",
                self.metric in METRICS if named else own,
                f"a function or one of {known}",
            ),
            (
                "metrics",
                others and all(isinstance(m, NamedMetric) or m in METRICS for m in self.metrics),
                f"a tuple of NamedMetrics or of {known}",
            ),
            ("predict", self.predict is None or callable(self.predict), "a function of (model, inputs)"),
            ("trivial", isinstance(self.trivial, str), "text"),
            ("trivial_score", self.trivial_score is None or number(self.trivial_score), "a finite number"),
            ("loss", self.loss is None or callable(self.loss), "a function of (outputs, targets)"),
            ("recipe", isinstance(self.recipe, Recipe), "a leaky.lab.Recipe"),
            (
                "margin",
                self.margin is None or (number(self.margin) and self.margin >= 0),
                "a number of at least 0",
            ),
            ("diverged_score", self.diverged_score is None or number(self.diverged_score), "a finite number"),
            ("test_fraction", number(self.test_fraction) and 0 < self.test_fraction < 1, "between 0 and 1"),
            (
                "validation_fraction",
                number(self.validation_fraction) and 0 < self.validation_fraction < 1,
                "between 0 and 1",
            ),
            (
                "learning_rates",
                isinstance(rates, tuple | list)
                and len(rates) > 0
                and all(number(r) and r > 0 for r in rates),
                "a tuple of numbers above 0",
            ),
        ):
            if not fits:
                raise TaskError(f"task `{self.name}`: `{name}` must be {wanted}, got {getattr(self, name)!r}")
        if self.diverged_score is None and (self._named is None or self._named.constant is None):
            raise TaskError(
                f"task `{self.name}`: `diverged_score` is needed with a metric of your own: give the score of a "
                "useless model, to be recorded where training diverges"
            )

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
        if self._named is not None:
            return self._named.record
        name = getattr(self.metric, "__name__", "score").replace("<lambda>", "score")
        return Metric(name, self.higher_is_better, percent=False)

    def score(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """The metric as a number; a metric that is not finite counts as diverged."""
        function = self._named.function if self._named else self.metric
        return float(function(outputs, targets))  # type: ignore[operator]  # what has no name is a function

    def scores(self, outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        """The further metrics, by name."""
        return {m.record.name: float(m.function(outputs, targets)) for m in map(named_metric, self.metrics)}

    @property
    def metric_records(self) -> tuple[Metric, ...]:
        """Names and directions of the further metrics."""
        return tuple(named_metric(m).record for m in self.metrics)

    @property
    def _named(self) -> NamedMetric | None:
        return named_metric(self.metric) if isinstance(self.metric, str | NamedMetric) else None

    @property
    def of_classes(self) -> bool:
        """Whether the metric takes a row of numbers per class, and class numbers."""
        return self._named is not None and self._named.of_classes

    def trivial_answer(self) -> tuple[str, float | None]:
        """What needs no network, and what it scores on the test data; ("", None) where nobody knows."""
        if self.trivial_score is not None:
            return self.trivial or "the trivial answer", float(self.trivial_score)
        if self._named is None or self._named.constant is None:
            return "", None
        what = "the majority class" if self.of_classes else "the best constant answer"
        return what, self._of_constant(self._named, self.parts(seed=0)[2])

    def loss_function(self) -> LossFunction:
        """The loss given, or the usual one for the kind of targets."""
        if self.loss is not None:
            return self.loss
        targets = self.train_samples.take(torch.arange(1))[1]
        functional = torch.nn.functional
        return functional.mse_loss if targets.dtype.is_floating_point else functional.cross_entropy

    def score_if_diverged(self, part: Part) -> float:
        """`diverged_score`, or what the constant answer that suits the training data best scores on `part`."""
        if self.diverged_score is not None:
            return float(self.diverged_score)
        assert self._named is not None
        return self._of_constant(self._named, part)

    def _of_constant(self, metric: NamedMetric, part: Part) -> float:
        rest, _ = self._fixed  # type: ignore[attr-defined]
        return metric.of_constant(Part(self.train_samples, rest).targets(), part.targets())

    @property
    def resolution(self) -> float:
        """The smallest step the metric can make on the test data: one sample, for accuracy."""
        return 1 / len(self.parts(seed=0)[2]) if self.of_classes else 0.0

    def practical_margin(self) -> float:
        """`margin`, or half a percentage point of accuracy or error rate; others have no margin of their own."""
        if self.margin is not None:
            return self.margin
        if self.of_classes:
            return 0.005
        raise TaskError(
            f"task `{self.name}`: give a `margin` (to the task, or with --margin): the smallest difference in "
            f"{self.metric_record.name} that matters to you"
        )

    def fingerprint(self) -> str:
        """A hash of data, model, metric and loss (see `leaky.lab.identity`): what a trial's key takes of the task."""
        held: dict[str, Samples] = self._held  # type: ignore[attr-defined]
        digest = hashlib.sha256(f"{self.version} {self.test_fraction} {self.validation_fraction}".encode())
        digest.update(f"{self.diverged_score!r} {self.higher_is_better}".encode())
        for part, data in sorted(held.items()):
            digest.update(f"{part} {data.fingerprint()}".encode())
        for function in (self.model, _told(self.metric), self.loss):
            digest.update(identity(function).encode())
        if self.metrics or self.predict:  # tasks without them keep the keys they had
            digest.update(identity((self.predict, *map(_told, self.metrics))).encode())
        return digest.hexdigest()[:24]


def _told(metric: str | MetricFunction | NamedMetric) -> Any:
    """What tells a metric from another, as `identity` reads it."""
    return (metric.record.name, metric.function) if isinstance(metric, NamedMetric) else metric
