"""What a trial is keyed by changes with all the code that its model is made of, wherever that stands."""

from __future__ import annotations

from typing import Any

import pytest

from leaky.lab import identity
from leaky.lab.factory import ModelFactory
from leaky.lab.series.networks import CausalConv1d, Forecaster
from leaky.lab.tasks import build
from leaky.lab.text.layers import Embedding, trimmed
from leaky.lab.vision.classifiers import conv, linear
from leaky.nn.init import he_normal_

EDITED = [
    ("fashion_mnist", "vgg", conv),
    ("fashion_mnist", "vgg", he_normal_),
    ("fashion_mnist", "vgg", ModelFactory),
    ("sentence_polarity", "textcnn", trimmed),
    ("sentence_polarity", "transformer", Embedding),
    ("co2", "mlp", linear),
    ("co2", "mlp", Forecaster),
    ("co2", "tcn", CausalConv1d),
]


@pytest.mark.usefixtures("shared_data")
@pytest.mark.parametrize(("name", "preset", "edited"), EDITED)
def test_a_built_in_task_whose_model_was_edited_reuses_no_trials(
    monkeypatch: pytest.MonkeyPatch, name: str, preset: str, edited: Any
) -> None:
    task = build(name, preset, "smoke")
    before = task.fingerprint()
    assert task.fingerprint() == before
    source = identity._source

    def with_an_edit(thing: Any) -> str:
        return source(thing) + ("  # edited" if thing is edited else "")

    monkeypatch.setattr(identity, "_source", with_an_edit)
    assert task.fingerprint() != before


def test_code_that_a_model_does_not_use_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    source = identity._source

    def noted(thing: Any) -> str:
        read.append(thing)
        return source(thing)

    monkeypatch.setattr(identity, "_source", noted)
    build("digits", "deep", "smoke").fingerprint()
    homes = {thing.__module__ for thing in read if thing.__module__.startswith("leaky.")}
    assert "leaky.lab.tasks.digits" in homes
    assert not {home for home in homes if ".text" in home or ".series" in home or ".vision" in home}


def test_defaults_by_keyword_are_told_each_time_alike() -> None:
    """They are read into tuples made for the moment, whose ids others get after them."""

    def one(*, a: int = 1, b: int = 2, c: int = 3, d: int = 4) -> int:
        return a + b + c + d

    def more(*, e: int = 1, f: int = 2, g: int = 3) -> int:
        return one() + e + f + g

    parts = list(identity._Walk((), identity._source).parts((one, more)))
    for default in "abcdefg":
        assert repr(default) in parts
