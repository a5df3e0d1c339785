"""Scores of ids are sacrebleu's scores of the sentences they spell."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.text.bleu import OfTexts, corpus_bleu, corpus_chrf
from leaky.lab.text.subwords import END, Subwords

sacrebleu = pytest.importorskip("sacrebleu")
PIECES = Subwords(("<pad>", "<unk>", "<s>", "</s>", "▁the", "▁cat", "▁sat", "▁on", "▁mat", "s", "."))


def test_ids_are_scored_as_the_sentences_they_spell() -> None:
    outputs = torch.tensor([[4, 5, 9, 6, 7, 4, 8, 10, END, 0], [4, 8, 6, END, 10, 10, 10, 10, 10, 10]])
    targets = torch.tensor([[4, 5, 6, 7, 4, 8, 10, END, 0, 0], [4, 5, 6, END, 0, 0, 0, 0, 0, 0]])
    written, right = ["the cats sat on the mat.", "the mat sat"], ["the cat sat on the mat.", "the cat sat"]
    bleu = OfTexts(corpus_bleu, PIECES)(outputs, targets)
    assert bleu == sacrebleu.corpus_bleu(written, [right]).score
    assert 20 < bleu < 90
    assert OfTexts(corpus_chrf, PIECES)(outputs, targets) == sacrebleu.corpus_chrf(written, [right]).score
    assert OfTexts(corpus_bleu, PIECES)(targets, targets) == pytest.approx(100)


def test_a_reference_is_what_was_written() -> None:
    ids = [4, 5, 1, 10, END, 0]
    plain, bleu = OfTexts(corpus_bleu, PIECES), OfTexts(corpus_bleu, PIECES, {(4, 5, 1, 10): "the cat 7."})
    assert (plain.reference(ids), bleu.reference(ids)) == ("the cat ⁇ .", "the cat 7.")
    outputs = torch.tensor([ids])
    assert bleu(outputs, outputs) == corpus_bleu(["the cat ⁇ ."], ["the cat 7."]) < plain(outputs, outputs)


def test_bleu_by_hand() -> None:
    """Of the n-grams of 1 to 4 words 5 of 6, 4 of 5, 3 of 4, 2 of 3 are right; the lengths are the same."""
    score = corpus_bleu(["a b c d e x"], ["a b c d e f"])
    assert score == pytest.approx(100 * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)
