"""`leaky.lab.task`: what follows from the data, what can be said instead, and one line for what cannot be used."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits, load_wine

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError, LeakyError, TaskError
from leaky.lab import Task

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(60, 3))
HALF = TABLE[:, 0] > 0


def kept(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets that the task trains and validates on."""
    samples = task.train_samples
    assert isinstance(samples.inputs, torch.Tensor)
    assert samples.targets is not None
    return samples.inputs, samples.targets


def held_out(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    (inputs, targets), *_ = task.parts(0)[2].batches()
    return inputs, targets


def compare(task: Task, folder: Any, **changes: Any) -> Any:
    given = {
        "seeds": 2,
        "tuning_seeds": 1,
        "workers": 1,
        "progress": False,
        "store": folder / "s.db",
        **changes,
    }
    return leaky.lab.compare(task, ["relu"], **given)


def test_a_table_of_classes_is_learned(tmp_path: Any) -> None:
    data = load_wine()
    task = leaky.lab.task(data.data, data.target_names[data.target], name="wine")
    study = compare(task, tmp_path, learning_rates=[0.01])
    assert study.metric.name == "accuracy"
    assert study.trivial_score == pytest.approx(18 / 45)
    assert study.arms[0].score.estimate > 0.9
    assert "133 training and 45 test rows: 13 columns as 13 numbers, 3 classes" in study.description


def test_a_table_of_numbers_is_learned_in_the_targets_own_unit(tmp_path: Any) -> None:
    data = load_diabetes()
    task = leaky.lab.task(data.data, data.target, name="diabetes")
    targets = kept(task)[1]
    assert task.margin == pytest.approx(0.01 * targets.double().var(unbiased=False).item())
    study = compare(task, tmp_path, learning_rates=[0.01], epochs=20)
    assert study.metric.name == "mse"
    assert not study.metric.higher_is_better
    assert 2000 < study.arms[0].score.estimate < study.trivial_score
    assert {metric.name for metric in study.metrics} == {"mae", "R²"}
    assert 0.2 < study.trials[-1].metrics["R²"] < 0.8


def test_pictures_are_learned(tmp_path: Any) -> None:
    data = load_digits()
    task = leaky.lab.task(data.images[:400], data.target[:400], name="digits as pictures")
    assert kept(task)[0].shape[1:] == (1, 8, 8)
    study = compare(task, tmp_path, learning_rates=[0.03], epochs=6)
    assert study.arms[0].score.estimate > 0.7


def test_sequences_are_learned(tmp_path: Any) -> None:
    time = np.arange(24) / 24
    label = np.arange(160) % 2
    phase = RANDOM.uniform(0, 2 * np.pi, 160)
    waves = np.sin(2 * np.pi * time * (2 + 2 * label[:, None]) + phase[:, None])[:, None]
    study = compare(leaky.lab.task(waves, label), tmp_path, learning_rates=[0.03], epochs=8)
    assert study.arms[0].score.estimate > 0.9
    assert "sequences of 24 steps and 1 channel, 2 classes" in study.description


@pytest.mark.parametrize(
    ("X", "shape"),
    [
        (TABLE, (3,)),
        (TABLE.tolist(), (3,)),
        (torch.tensor(TABLE), (3,)),
        (np.ones((60, 5, 5)) * TABLE[:, :1, None], (1, 5, 5)),
        (np.ones((60, 5, 9)) * TABLE[:, :1, None], (5, 9)),
        (RANDOM.integers(0, 255, (60, 5, 9), dtype=np.uint8), (1, 5, 9)),
        (RANDOM.normal(size=(60, 3, 5, 6)), (3, 5, 6)),
        (RANDOM.normal(size=(60, 5, 6, 3)), (3, 5, 6)),
    ],
)
def test_the_shape_says_what_the_inputs_are(X: Any, shape: tuple[int, ...]) -> None:
    assert kept(leaky.lab.task(X, HALF))[0].shape[1:] == shape


def test_kind_says_it_where_the_shape_does_not() -> None:
    square = np.ones((60, 5, 5)) * TABLE[:, :1, None]
    assert kept(leaky.lab.task(square, HALF, kind="sequences"))[0].shape[1:] == (5, 5)
    many = RANDOM.normal(size=(60, 12, 6, 6))
    assert kept(leaky.lab.task(many, HALF, kind="images"))[0].shape[1:] == (12, 6, 6)


def test_statistics_are_of_the_training_part_alone() -> None:
    """Test rows that are far off do not move the mean: leaving them in or out gives the same training inputs."""
    far = (TABLE[:20] + 1000, HALF[:20])
    with_far = kept(leaky.lab.task(TABLE[20:], HALF[20:], test=far))[0]
    with_near = kept(leaky.lab.task(TABLE[20:], HALF[20:], test=(TABLE[:20], HALF[:20])))[0]
    assert torch.equal(with_far, with_near)
    torch.testing.assert_close(with_far.mean(0), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(with_far.std(0, unbiased=False), torch.ones(3))
    assert held_out(leaky.lab.task(TABLE[20:], HALF[20:], test=far))[0].min() > 100


def test_every_class_is_tested_in_proportion_and_always_on_the_same_rows() -> None:
    label = np.repeat(["a", "b", "c"], [80, 16, 4])
    X = np.arange(100.0)[:, None]
    once, again = (leaky.lab.task(X, label) for _ in range(2))
    assert held_out(once)[1].bincount().tolist() == [20, 4, 1]
    assert torch.equal(held_out(once)[0], held_out(again)[0])
    assert once.fingerprint() == again.fingerprint()
    assert once.fingerprint() != leaky.lab.task(X, label, model="deep").fingerprint()


@pytest.mark.parametrize(
    ("y", "metric", "classes"),
    [
        (HALF, None, 2),
        (HALF.tolist(), None, 2),
        (np.where(HALF, "yes", "no"), None, 2),
        (np.arange(60) % 3, None, 3),
        ((np.arange(60) % 3).astype(float), "accuracy", 3),
        ((np.arange(60) % 3)[:, None], None, 3),
        ((np.arange(60) % 3).astype(float), None, 0),
        (np.arange(60) % 3, "mae", 0),
        (np.arange(60), "mse", 0),
    ],
)
def test_targets_are_classes_or_numbers(y: Any, metric: str | None, classes: int) -> None:
    task = leaky.lab.task(TABLE, y, metric=metric)
    targets = kept(task)[1]
    assert targets.dtype.is_floating_point == (classes == 0)
    if classes:
        assert set(targets.tolist()) == set(range(classes))
    assert task.metric == metric or metric is None


def test_everything_can_be_said_instead() -> None:
    def own(activation: Any, seed: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(3, 4), activation(), torch.nn.Linear(4, 1))

    task = leaky.lab.task(
        TABLE,
        TABLE[:, 0] * 100 + 5000,
        model=own,
        metric="mae",
        metrics=("r2",),
        margin=3.0,
        recipe={"optimizer": "adamw", "epochs": 4},
        learning_rates=(0.5,),
        test_fraction=0.5,
        description="mine",
        validation_fraction=0.4,
    )
    assert (task.margin, task.learning_rates, task.description, task.metrics) == (
        3.0,
        (0.5,),
        "mine",
        ("r2",),
    )
    assert (task.recipe.optimizer, task.recipe.epochs, task.recipe.schedule) == ("adamw", 4, "cosine")
    assert len(held_out(task)[0]) == 30
    outputs = task.model(leaky.lab.ModelFactory("relu"), 0)(held_out(task)[0])
    assert outputs.shape == (30,)
    assert (outputs - 5000).abs().max() < 1000  # the targets' own unit


def test_several_numbers_a_row() -> None:
    task = leaky.lab.task(TABLE, TABLE[:, :2] * [1, 1000], model="shallow")
    assert kept(task)[1].shape[1] == 2
    outputs = task.model(leaky.lab.ModelFactory("relu"), 0)(kept(task)[0])
    assert outputs.shape == kept(task)[1].shape
    loss, spread = task.loss_function(), kept(task)[1].std(0, unbiased=False)
    for target in range(2):  # one spread off, whatever its unit, counts the same
        outputs = torch.zeros(4, 2)
        outputs[:, target] = spread[target]
        assert loss(outputs, torch.zeros(4, 2)).item() == pytest.approx(0.5, rel=1e-5)


def test_unbalanced_classes_are_told_and_weighed_where_asked(tmp_path: Any) -> None:
    X = RANDOM.normal(size=(400, 2))
    rare = X[:, 0] > 1.3
    plain = leaky.lab.task(X, rare)
    assert "of class False: accuracy says little there" in plain.notes[0]
    assert plain.loss is None
    study = compare(plain, tmp_path, learning_rates=[0.01], epochs=1)
    assert plain.notes[0] in study.notes
    weighed = leaky.lab.task(X, rare, metric="balanced_accuracy")
    assert weighed.notes == ()
    loss = weighed.loss_function()
    outputs, targets = torch.zeros(3, 2), torch.tensor([0, 0, 1])
    outputs[2, 0] = 5.0  # the rare one is wrong
    assert loss(outputs, targets) > torch.nn.functional.cross_entropy(outputs, targets)
    assert weighed.trivial_answer()[1] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("X", "y", "given", "message"),
    [
        (TABLE, HALF[:50], {}, "task: `X` has 60 rows and `y` 50; give one target a row"),
        (TABLE[:10], HALF[:10], {}, "task: 10 rows are too few to train and test on; at least 20 are needed"),
        (TABLE, [], {}, "task: `y` is empty, of shape (0,)"),
        (TABLE, np.zeros(60, int), {}, "task: `y` has one class only, 0; at least two are needed"),
        (TABLE, np.zeros(60), {}, "task: `y` is 0 in every row; there is nothing to learn"),
        (TABLE, 1e8 + TABLE[:, 0], {}, "which float32 cannot tell apart or square; subtract the mean and divide by"),
        (TABLE, 1e-30 * TABLE[:, 0], {}, "which float32 cannot tell apart or square; subtract the mean"),
        (TABLE, 1e30 * TABLE[:, 0], {}, "which float32 cannot tell apart or square; subtract the mean"),
        (TABLE * 1e300, HALF, {}, "task: column `x1` has values up to"),
        (TABLE, np.arange(60), {}, "task: `y` has 60 different whole numbers in 60 rows, too many for classes; give "
         'floats, or metric="mse"'),
        (TABLE, [f"n{i}" for i in range(60)], {}, "task: `y` has 60 different words in 60 rows, too many"),
        (TABLE, np.eye(3, dtype=int)[np.arange(60) % 3], {}, "task: `y` must hold one target a row, got shape"),
        (TABLE, np.where(HALF, np.nan, 1.0), {}, "task: `y` has no finite value in"),
        (TABLE, [None, *HALF[1:].tolist()], {}, "task: `y` has no finite value in 1 of 60 rows; leave"),
        (TABLE, TABLE[:, 0], {"metric": "accuracy"}, "which are no classes; metrics of numbers are mse, mae, r2"),
        (TABLE, ["a", "b"] * 30, {"metric": "mse"}, "task: `y` holds words such as 'a'; give numbers"),
        (TABLE, HALF, {"metric": "acuracy"}, "unknown metric `acuracy`: did you mean `accuracy`?"),
        (TABLE, HALF, {"model": "shalow"}, "unknown model for table: `shalow`: did you mean `shallow`?"),
        (TABLE, HALF, {"learning_rate": 1}, "unknown argument of task: `learning_rate`: did you mean `"),
        (TABLE, HALF, {"kind": "video"}, "task: `kind` must be one of table, images, sequences, got 'video'"),
        (TABLE, HALF, {"kind": "images"}, "task: `X` of shape (60, 3) is not images; these have 3 or 4 axes"),
        (TABLE, HALF, {"test": TABLE}, "task: `test` must be a pair (X, y), got ndarray"),
        (TABLE, HALF, {"test": (TABLE[:, :2], HALF)}, "task: the column `x3` is missing; it has x1, x2"),
        (TABLE, HALF.astype(int), {"test": (TABLE, HALF + 1)}, "task: class 2 of the test or validation data is not"),
        (TABLE, HALF, {"test_fraction": 1.5}, "task: `test_fraction` must be between 0 and 1, got 1.5"),
        (TABLE, HALF, {"recipe": "optimizer=adam2"}, "recipe: `optimizer` must be one of"),
        (TABLE, HALF, {"notes": "one"}, "unknown argument of task: `notes`"),
        (np.ones((60, 3)), HALF, {}, "task: no column can be learned from: `x1` (always the same)"),
        (np.where(TABLE > 2, np.inf, TABLE), HALF, {}, "task: column `x"),
        (np.ones((60, 5, 9)), HALF, {}, "task: all sequences of the training part are one and the same value"),
        (np.full((60, 5, 9), np.nan), HALF, {}, "task: `X` holds NaN or infinity in 60 of 60 samples"),
        (np.ones((60, 2, 2, 2, 2)), HALF, {}, "task: `X` of shape (60, 2, 2, 2, 2) is neither a table"),
        (np.ones(60), HALF, {}, "task: `X` of shape (60,) is neither a table"),
        (TABLE * 1j, HALF, {}, "task: `X` holds complex numbers"),
        (5, HALF, {}, "task: `X` must be an array or a data frame, got int"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_in_one_line(X: Any, y: Any, given: Any, message: str) -> None:
    with pytest.raises(LeakyError, match=re.escape(message)) as told:
        leaky.lab.task(X, y, **given)
    assert isinstance(told.value, ArgumentError | ArgumentTypeError | TaskError)
    assert "\n" not in str(told.value)


def test_a_sparse_matrix_is_told_its_remedy() -> None:
    from scipy.sparse import csr_array

    with pytest.raises(ArgumentTypeError, match=r"got csr_array; give `X\.toarray\(\)`"):
        leaky.lab.task(csr_array(TABLE), HALF)


@pytest.mark.parametrize("shape", [(3,), (1, 8, 8), (3, 40, 20), (2, 30), (1, 2, 2), (1, 2)])
def test_every_model_takes_every_shape_of_its_kind(shape: tuple[int, ...]) -> None:
    from leaky.lab.own.networks import NETWORKS

    kind = {1: "table", 2: "sequences", 3: "images"}[len(shape)]
    X = RANDOM.normal(size=(24, *shape))
    for name in NETWORKS[kind]:
        task = leaky.lab.task(X, np.arange(24) % 3, kind=kind, model=name)  # type: ignore[arg-type]
        factory = leaky.lab.ModelFactory("leaky_relu", leaky.lab.Recipe(normalisation="batch"))
        assert task.model(factory, 0)(kept(task)[0]).shape == (18, 3)
        assert factory.places >= 2


@pytest.mark.parametrize("initialisation", ["he", "xavier", "orthogonal", "lsuv", "default"])
def test_recipes_initialise_the_models(initialisation: str, tmp_path: Any) -> None:
    task = leaky.lab.task(TABLE, TABLE[:, 0])
    study = compare(
        task, tmp_path, recipe={"initialisation": initialisation, "epochs": 1}, learning_rates=[0.01]
    )
    assert all(trial.status == "finished" for trial in study.trials)
