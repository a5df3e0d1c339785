"""Subwords as numbers: byte-pair encoding by sentencepiece, learned from the training part.

Source: R. Sennrich, B. Haddow, A. Birch 2016, Neural Machine Translation of Rare Words with Subword Units. ACL.
arXiv:1508.07909
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from leaky.extras import require
from leaky.lab.text.words import PAD, UNKNOWN

BEGIN = 2
"""The id before the first piece of a sentence."""
END = 3
"""The id after the last piece of a sentence."""


@dataclass(frozen=True)
class Subwords:
    """A vocabulary of subword pieces: sentences to ids and back.

    `pieces` are in the order of their ids. A piece that begins a word begins with "▁".

    Example:
        >>> Subwords(("<pad>", "<unk>", "<s>", "</s>", "▁a", "▁fi", "lm")).text([4, 5, 6, 3, 0])
        'a film'
    """

    pieces: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pieces)

    def text(self, ids: Sequence[int]) -> str:
        """The sentence that `ids` spell, up to the first `END`; an unknown piece becomes "⁇"."""
        found = []
        for number in ids:
            if number == END:
                break
            if number == UNKNOWN:
                found.append(" ⁇ ")
            elif number not in (PAD, BEGIN):
                found.append(self.pieces[number])
        return " ".join("".join(found).replace("▁", " ").split())


def learn(sentences: Iterable[str], size: int) -> tuple[Subwords, Any]:
    """A vocabulary of at most `size` pieces learned from `sentences`, and sentencepiece's processor, which encodes.

    Every character that occurs is a piece. The same sentences give the same pieces, on every machine.

    Args:
        sentences: of the training part, both languages for a shared vocabulary.
        size: pieces, the four special ones and the characters included.
    """
    require("sentencepiece", "text", "learning subwords")
    import sentencepiece  # here: the extra `text` brings it

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=written,
        model_type="bpe",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        pad_id=PAD,
        unk_id=UNKNOWN,
        bos_id=BEGIN,
        eos_id=END,
        num_threads=1,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    pieces = tuple(processor.id_to_piece(number) for number in range(processor.get_piece_size()))
    return Subwords(pieces), processor
