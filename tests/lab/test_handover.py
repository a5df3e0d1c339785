"""A task made in Python reaches the workers whole, its arrays mapped and kept once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

import leaky
from leaky.lab import handover


def task(rows: int = 5000) -> leaky.lab.Task:
    X = np.random.default_rng(0).normal(size=(rows, 20))
    return leaky.lab.task(X, X[:, 0] > 0, test=(X[:100], X[:100, 0] > 0))


def test_what_comes_back_is_the_same_task(tmp_path: Path) -> None:
    given = task()
    handover.write(given, tmp_path / "task.pickle")
    back = handover.read(tmp_path / "task.pickle")
    assert back.fingerprint() == given.fingerprint()
    assert back.description == given.description
    for ours, theirs in zip(given.parts(3), back.parts(3), strict=True):
        assert len(ours) == len(theirs)
    assert given.train is not None  # the one given is left as it was


def test_arrays_are_beside_the_pickle_once(tmp_path: Path) -> None:
    handover.write(task(), tmp_path / "task.pickle")
    assert (tmp_path / "task.pickle").stat().st_size < 100_000
    held = 5000 * 20 * 4 + 5000 * 8 + 100 * 20 * 4 + 100 * 8
    assert held <= (tmp_path / "task.arrays").stat().st_size < held + 1000


def test_what_one_reader_writes_no_other_sees(tmp_path: Path) -> None:
    handover.write(task(), tmp_path / "task.pickle")
    one, other = (handover.read(tmp_path / "task.pickle") for _ in range(2))
    assert isinstance(one.train_samples.inputs, torch.Tensor)
    one.train_samples.inputs.zero_()
    assert other.train_samples.inputs.any()  # type: ignore[union-attr]
    assert handover.read(tmp_path / "task.pickle").fingerprint() == task().fingerprint()


def test_datasets_go_as_they_are(tmp_path: Path) -> None:
    pairs = [(torch.full((2,), float(i)), i % 2) for i in range(40)]

    def model(activation: leaky.lab.ModelFactory, seed: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(2, 4), activation(), torch.nn.Linear(4, 2))

    given = leaky.lab.Task(name="pairs", train=pairs, model=model)
    handover.write(given, tmp_path / "task.pickle")
    inputs, targets = handover.read(tmp_path / "task.pickle").train_samples.take(torch.arange(40))
    assert torch.equal(inputs, torch.stack([pair[0] for pair in pairs]))
    assert targets.tolist() == [pair[1] for pair in pairs]
