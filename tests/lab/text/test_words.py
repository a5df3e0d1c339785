"""Vocabularies of words and of subwords, and the folds that texts fall into."""

from __future__ import annotations

import numpy as np
import pytest

from leaky.lab.text.subwords import END, learn
from leaky.lab.text.words import PAD, UNKNOWN, encoded, fold, vocabulary


def test_a_vocabulary_keeps_frequent_words_in_an_order_of_its_own() -> None:
    words = vocabulary([["b", "a", "c"], ["b", "a"], ["b", "d", "d"]], least=2, most=2)
    assert words == {"b": 2, "a": 3}
    assert encoded([["b", "x", "a", "b"], []], words, width=3).tolist() == [[2, UNKNOWN, 3], [PAD] * 3]


def test_folds_are_the_same_on_every_machine_and_of_similar_size() -> None:
    assert [fold(text, 10) for text in ("a", "b", "ß")] == [2, 0, 9]
    counts = np.bincount([fold(str(number), 10) for number in range(5_000)], minlength=10)
    assert counts.min() > 430
    assert counts.max() < 570


def test_subwords_spell_what_they_were_learned_on_and_mark_what_they_never_saw() -> None:
    pytest.importorskip("sentencepiece")
    sentences = ["Das Haus ist groß.", "Die Häuser sind groß!", "The houses are big."] * 4
    subwords, processor = learn(sentences, size=80)
    again, _ = learn(sentences, size=80)
    assert subwords == again
    assert len(subwords) <= 80
    for sentence in sentences[:3]:
        assert subwords.text([*processor.encode(sentence), END, 5, PAD]) == sentence
    assert subwords.text(processor.encode("Das Haus 猫")) == "Das Haus ⁇"
