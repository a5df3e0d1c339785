"""The models that the field tries first on sentences: TextCNN, BiLSTM, a small transformer encoder.

Each takes ids of shape (N, T), 0 as padding, and gives a score per class. What a sentence is padded to, or which
others are in its batch, does not change its scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import nn
from torch.nn import functional as F

from leaky.lab.factory import ModelFactory
from leaky.lab.text.layers import (
    Block,
    Embedding,
    highest,
    linear,
    mean,
    packed_states,
    positions,
    scores_of,
    trimmed,
)
from leaky.lab.text.words import PAD
from leaky.nn.init import he_normal_

_WINDOWS = (3, 4, 5)
_HEADS = 4
_LAYERS = 2


class TextCNN(nn.Module):
    """Convolutions over windows of 3, 4 and 5 words, the activation, the maximum over time, dropout, linear.

    Source: Y. Kim 2014, Convolutional Neural Networks for Sentence Classification. EMNLP. arXiv:1408.5882
    (its "CNN-rand": the word vectors are learned here).
    """

    where = "after each convolution"

    def __init__(
        self, words: int, classes: int, width: int, activation: ModelFactory, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = Embedding(words, width)
        convolutions = [nn.Conv1d(width, width, window) for window in _WINDOWS]
        self.norms = nn.ModuleList(activation.norm(width) for _ in _WINDOWS)
        self.activations = nn.ModuleList(activation() for _ in _WINDOWS)
        for convolution in convolutions:
            he_normal_(convolution.weight, activation.spec)
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]  # there is one
        self.convolutions = nn.ModuleList(convolutions)
        self.dropout = activation.dropout(dropout)
        self.out = scores_of(len(_WINDOWS) * width, classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Scores of shape (N, classes)."""
        ids = trimmed(ids)
        count, length = ids.shape
        # A window counts where it begins on a word; what reaches behind the last word finds zeros.
        begins = (ids != PAD).flatten().nonzero().squeeze(1)
        vectors = F.pad(self.embedding(ids).transpose(1, 2), (0, _WINDOWS[-1] - 1))
        found = []
        for convolution, norm, activation in zip(
            self.convolutions, self.norms, self.activations, strict=True
        ):
            every = convolution(vectors)[..., :length].transpose(1, 2).flatten(0, 1)
            states = activation(norm(every.index_select(0, begins)))
            table = states.new_full((count * length, states.shape[1]), -torch.inf).index_copy(
                0, begins, states
            )
            found.append(table.view(count, length, -1).amax(1))
        scores: torch.Tensor = self.out(self.dropout(torch.cat(found, 1)))
        return scores


class BiLSTM(nn.Module):
    """A long short-term memory in both directions, the maximum over time, linear, the activation, dropout, linear.

    The cell keeps its own sigmoid and tanh, which its gates need; the activation is the classifying head's.

    Source: A. Conneau et al. 2017, Supervised Learning of Universal Sentence Representations. EMNLP. arXiv:1705.02364
    (its "BiLSTM with max pooling").
    """

    where = "in the head (the cell keeps its sigmoid and tanh)"

    def __init__(
        self, words: int, classes: int, width: int, activation: ModelFactory, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = Embedding(words, width)
        self.cell = nn.LSTM(width, width, bidirectional=True, batch_first=True)
        self.hidden = linear(2 * width, width, activation.spec)
        self.norm = activation.norm(width)
        self.activation = activation()
        self.dropout = activation.dropout(dropout)
        self.out = scores_of(width, classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Scores of shape (N, classes)."""
        ids = trimmed(ids)
        real = ids != PAD
        states = packed_states(self.cell, self.dropout(self.embedding(ids)), real)
        hidden = self.activation(self.norm(self.hidden(highest(states, real))))
        scores: torch.Tensor = self.out(self.dropout(hidden))
        return scores


class TransformerEncoder(nn.Module):
    """Two layers of attention and feed-forward, the mean over time, linear: a small transformer encoder.

    Source: A. Vaswani et al. 2017, Attention Is All You Need. NeurIPS. arXiv:1706.03762
    """

    where = "in the feed-forward parts"

    def __init__(
        self, words: int, classes: int, width: int, activation: ModelFactory, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = Embedding(words, width)
        self.dropout = activation.dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, _HEADS, activation, dropout) for _ in range(_LAYERS))
        self.norm = nn.LayerNorm(width)
        self.out = scores_of(width, classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Scores of shape (N, classes)."""
        ids = trimmed(ids)
        real = ids != PAD
        x = self.dropout(self.embedding(ids) + positions(ids.shape[1], self.embedding.embedding_dim))
        for block in self.blocks:
            x = block(x, real[:, None, None])
        scores: torch.Tensor = self.out(self.dropout(mean(self.norm(x), real)))
        return scores


CLASSIFIERS: Mapping[str, type[TextCNN] | type[BiLSTM] | type[TransformerEncoder]] = MappingProxyType(
    {"textcnn": TextCNN, "bilstm": BiLSTM, "transformer": TransformerEncoder}
)
"""By the preset's name; each is made with (words, classes, width, activation, dropout)."""
