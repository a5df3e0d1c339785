"""Data frames and mixed tables: numbers, words, what is missing, what is left out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import leaky
from leaky.errors import ArgumentTypeError, LeakyError

ROWS = 60
RANDOM = np.random.default_rng(0)
NUMBER = RANDOM.normal(size=ROWS)
Y = np.arange(ROWS) % 2


def inputs(task: Any) -> torch.Tensor:
    return task.train_samples.inputs


def test_missing_numbers_are_the_training_median_beside_a_flag() -> None:
    holes = NUMBER.copy()
    holes[::5] = np.nan
    task = leaky.lab.task(np.stack([NUMBER, holes], 1), Y, test=(np.stack([NUMBER, holes], 1), Y))
    plain, filled, flag = inputs(task).T
    assert flag.tolist() == np.isnan(holes).tolist()
    median = np.nanmedian(holes)
    values = np.where(np.isnan(holes), median, holes)
    np.testing.assert_allclose(filled, (values - values.mean()) / values.std(), rtol=1e-5, atol=1e-6)
    assert plain.abs().max() > 0
    assert task.notes == (
        "Missing numbers are the median of the training rows, and a column says where: `x2` (12 of 60).",
    )


def test_words_are_one_hot_and_missing_is_a_word_of_its_own() -> None:
    words = np.array([["red", "green", "blue", None][i % 4] for i in range(ROWS)], object)
    test = (np.array([["red"], ["violet"], [None]], object), Y[:3])
    task = leaky.lab.task(words[:, None], Y, test=test)
    assert inputs(task).shape == (ROWS, 4)
    assert (inputs(task).sum(1) == 1).all()
    [(tested, _)] = task.parts(0)[2].batches()
    assert tested.sum(1).tolist() == [1, 0, 1]  # a word that training has not is 0 everywhere


def test_two_words_are_one_column() -> None:
    words = np.array([["yes", "no"][i % 2] for i in range(ROWS)], object)
    task = leaky.lab.task(words[:, None], Y)
    assert inputs(task).shape[1] == 1
    assert set(inputs(task).flatten().tolist()) == {0.0, 1.0}


def test_the_rarest_of_many_words_share_a_column() -> None:
    words = [f"w{min(i % 100, 35)}" for i in range(400)]
    task = leaky.lab.task(np.array(words, object)[:, None], np.arange(400) % 2)
    assert inputs(task).shape[1] == 30
    assert "`x1` has 36 words: the 7 rarest share one column." in task.notes


def test_mixed_lists_keep_their_numbers() -> None:
    rows = [[number, "a" if number > 0 else "b", True] for number in NUMBER.tolist()]
    task = leaky.lab.task(rows, Y)
    assert inputs(task).shape[1] == 2
    assert inputs(task)[:, 0].unique().numel() > 10
    assert task.notes == ("Left out of the columns: `x3` (always the same).",)


class TestPandas:
    """pandas is what most bring; polars and pyarrow come by the same way, narwhals."""

    @pytest.fixture
    def frame(self) -> Any:
        pandas = pytest.importorskip("pandas", reason="pandas is not installed")
        return pandas.DataFrame(
            {
                "row": np.arange(ROWS),
                "number": np.where(np.arange(ROWS) % 7 == 0, np.nan, NUMBER),
                "whole": pandas.array([None, *range(ROWS - 1)], dtype="Int64")[::-1],
                "word": ["u", "v", None] * (ROWS // 3),
                "kind": pandas.Categorical(["a", "b"] * (ROWS // 2)),
                "flag": [True, False, False] * (ROWS // 3),
                "id": [f"n{i}" for i in range(ROWS)],
                "when": pandas.date_range("2020-01-01", periods=ROWS),
                "same": 1,
            }
        )

    def test_each_kind_of_column(self, frame: Any) -> None:
        pandas = pytest.importorskip("pandas", reason="pandas is not installed")
        task = leaky.lab.task(frame, pandas.Series(np.where(Y, "yes", "no")))
        assert "5 columns as 8 numbers" in task.description
        for left_out in (
            "`row` (counts the rows)",
            "`id` (44 different words in 44 rows)",
            "`same` (always the same)",
        ):
            assert left_out in task.notes[0]
        assert "`when`" in task.notes[0]
        assert inputs(task).isfinite().all()

    def test_test_columns_are_found_by_name(self, frame: Any) -> None:
        task = leaky.lab.task(frame, Y, test=(frame[frame.columns[::-1]], Y))
        [(tested, _)] = task.parts(0)[2].batches()
        assert torch.equal(tested, inputs(task))
        with pytest.raises(LeakyError, match="the column `number` is missing"):
            leaky.lab.task(frame, Y, test=(frame.drop(columns="number"), Y))

    def test_two_columns_of_one_name_are_told(self, frame: Any) -> None:
        frame.columns = ["a"] * len(frame.columns)
        with pytest.raises(ArgumentTypeError, match=re.escape("task: `X` cannot be read as a table:")):
            leaky.lab.task(frame, Y)


def test_a_frame_whose_columns_are_named_by_numbers_is_read_by_columns() -> None:
    pandas = pytest.importorskip("pandas")
    square = RANDOM.normal(size=(ROWS, ROWS))  # a row read as a column would have the right length
    named = leaky.lab.task(pandas.DataFrame(square), Y)
    torch.testing.assert_close(inputs(named), inputs(leaky.lab.task(square, Y)), rtol=0, atol=0)


def test_bfloat16_is_read_as_the_numbers_it_holds() -> None:
    half = torch.from_numpy(RANDOM.normal(size=(ROWS, 3))).bfloat16()
    read = leaky.lab.task(half, Y)
    torch.testing.assert_close(inputs(read), inputs(leaky.lab.task(half.double(), Y)))
    assert "3 columns as 3 numbers" in read.description
    assert "1 column as 1 number," in leaky.lab.task(half[:, :1], Y).description
