"""BLEU and chrF by sacrebleu, and the loss of a translator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import torch

from leaky.extras import require
from leaky.lab.text.subwords import END, Subwords
from leaky.lab.text.words import PAD


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of 0 to 100, sacrebleu's default: 13a tokens, case kept, exponential smoothing, one reference each.

    Source: M. Post 2018, A Call for Clarity in Reporting BLEU Scores. WMT. arXiv:1804.08771

    Example:
        >>> corpus_bleu(["The cat sits on the mat."], ["The cat sits on the mat."]) > 99.99
        True
    """
    require("sacrebleu", "text", "BLEU")
    import sacrebleu  # here: the extra `text` brings it

    return float(sacrebleu.corpus_bleu(list(hypotheses), [list(references)]).score)


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 of 0 to 100, sacrebleu's default: F-score of character n-grams up to 6, recall weighing twice.

    Source: M. Popović 2015, chrF: Character n-gram F-score for Automatic MT Evaluation. WMT.

    Example:
        >>> corpus_chrf(["The cat sits on the mat."], ["The cat sits on the mat."]) > 99.99
        True
    """
    require("sacrebleu", "text", "chrF")
    import sacrebleu

    return float(sacrebleu.corpus_chrf(list(hypotheses), [list(references)]).score)


@dataclass(frozen=True)
class OfTexts:
    """A score of texts as the metric of a task whose outputs and targets are ids.

    Args:
        score: a function of (hypotheses, references).
        subwords: the vocabulary that the ids are of.
        written: the sentences, by their ids up to `END`, that have characters which no piece has; what a reference
            really says is not what its ids spell then.
    """

    score: Callable[[Sequence[str], Sequence[str]], float]
    subwords: Subwords
    written: Mapping[tuple[int, ...], str] = field(default_factory=dict)

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """The score of the sentences that `outputs` (N, T) spell, held against `targets` (N, T)."""
        hypotheses = [self.subwords.text(ids) for ids in outputs.tolist()]
        return self.score(hypotheses, [self.reference(ids) for ids in targets.tolist()])

    def reference(self, ids: Sequence[int]) -> str:
        """The sentence of which `ids` are the pieces, as it was written."""
        known = self.written.get(tuple(takewhile(END.__ne__, ids)))
        return self.subwords.text(ids) if known is None else known


def negative_log_likelihood(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean over all pieces of `targets` (N, T) of -log p, `outputs` (N, T): a translator's cross entropy."""
    return -outputs[targets != PAD].mean()
