"""Words as numbers: a vocabulary learned from the training part, and sentences padded to one width."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

PAD = 0
"""The id of padding, in every vocabulary of the lab."""
UNKNOWN = 1
"""The id of a word that is not in the vocabulary."""


def vocabulary(sentences: Iterable[Sequence[str]], *, least: int = 2, most: int = 20_000) -> dict[str, int]:
    """Word to id, 2 and up, the frequent first (words of one frequency in the order of their letters).

    Args:
        sentences: the tokenised sentences of the training part, and of no other.
        least: a word that occurs less often is unknown.
        most: so many words at most.

    Example:
        >>> vocabulary([["a", "good", "film"], ["a", "bad", "film"], ["a"]])
        {'a': 2, 'film': 3}
    """
    counts = Counter(word for sentence in sentences for word in sentence)
    frequent = sorted((-count, word) for word, count in counts.items() if count >= least)
    return {word: number for number, (_, word) in enumerate(frequent[:most], start=2)}


def encoded(sentences: Sequence[Sequence[str]], words: dict[str, int], width: int) -> NDArray[np.int32]:
    """Sentences as ids, shape (sentences, width): cut after `width` words, padded behind with `PAD`.

    Example:
        >>> encoded([["a", "bad", "film"], ["film"]], {"a": 2, "film": 3}, width=4).tolist()
        [[2, 1, 3, 0], [3, 0, 0, 0]]
    """
    return padded([[words.get(word, UNKNOWN) for word in sentence] for sentence in sentences], width)


def padded(sentences: Sequence[Sequence[int]], width: int) -> NDArray[np.int32]:
    """Lists of ids as one array of shape (sentences, width), cut and padded behind.

    Example:
        >>> padded([[5, 6, 7], [8]], width=2).tolist()
        [[5, 6], [8, 0]]
    """
    table = np.full((len(sentences), width), PAD, dtype=np.int32)
    for row, sentence in zip(table, sentences, strict=True):
        kept = sentence[:width]
        row[: len(kept)] = kept
    return table


def fold(text: str, folds: int) -> int:
    """The fold, 0 to `folds` - 1, that a text belongs to: equal texts share one, on every machine.

    Example:
        >>> fold("a good film", 10) == fold("a good film", 10)
        True
    """
    return int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest(), "big") % folds
