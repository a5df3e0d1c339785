"""Translators: a GRU with attention and a small transformer, encoder and decoder each.

Both take ids of shape (N, S + T): the source, padded to S, and its translation, padded to T, each ended by `END`.
They give (N, T), the log probability of each piece of the right translation, given the right pieces before it
("teacher forcing"). `translate` gives what the model writes by itself. One table of vectors serves source, target and
output (Press, Wolf 2017, arXiv:1608.05859).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from leaky.lab.factory import ModelFactory
from leaky.lab.text.layers import Block, Embedding, Past, linear, mean, packed_states, positions, trimmed
from leaky.lab.text.subwords import BEGIN, END
from leaky.lab.text.words import PAD

_HEADS = 4
_LAYERS = 2
_ROWS = 8_192
"""So many pieces' probabilities are held at once when a whole split is evaluated."""


class Translator(nn.Module):
    """What both have: shared vectors, teacher forcing, greedy writing.

    Args:
        pieces: the size of the vocabulary.
        source_width: S, where the source ends and the translation begins in the ids.
        width: of all vectors.
        encoder: turns the source's vectors into a memory.
        decoder: turns the memory and the vectors of the pieces so far into vectors of the next.
        dropout: of the vectors that go in and come out, while training.
    """

    def __init__(
        self,
        pieces: int,
        source_width: int,
        width: int,
        encoder: GRUEncoder | TransformerEncoder,
        decoder: GRUDecoder | TransformerDecoder,
        dropout: nn.Module,
    ) -> None:
        super().__init__()
        self.source_width = source_width
        self.embedding = Embedding(pieces, width)
        self.dropout = dropout
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Log probabilities of the right pieces, shape (N, T); 0 at padding."""
        memory, real = self._read(ids)
        return self._log_probabilities(memory, real, ids[:, self.source_width :].long())

    def translate(self, ids: torch.Tensor) -> torch.Tensor:
        """The likeliest piece at every step ("greedy"), at most T: shape (N, T), `PAD` behind the end."""
        memory, real = self._read(ids)
        length = ids.shape[1] - self.source_width
        written = torch.full((len(ids), length + 1), PAD)
        written[:, 0] = BEGIN
        ended = torch.zeros(len(ids), dtype=torch.bool)
        state: Any = None
        for step in range(length):
            vectors, state = self.decoder.step(self.embedding(written[:, : step + 1]), memory, real, state)
            likeliest = F.linear(vectors, self.embedding.weight).argmax(1)
            written[:, step + 1] = likeliest.masked_fill(ended, PAD)
            ended |= likeliest == END
            if bool(ended.all()):
                break
        return written[:, 1:]

    def _read(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The source as the decoder's memory, and where there is something to remember."""
        source = trimmed(ids[:, : self.source_width])
        real = source != PAD
        return self.encoder(self._embedded(source), real), real

    def _embedded(self, ids: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.dropout(self.embedding(ids))
        return vectors

    def _log_probabilities(
        self, memory: torch.Tensor, real: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        kept = trimmed(target)
        before = F.pad(kept[:, :-1], (1, 0), value=BEGIN)
        states = self.dropout(self.decoder(self._embedded(before), memory, real))
        counts = kept != PAD
        rows, wanted = states[counts], kept[counts]  # nothing is computed for padding
        log_p = torch.cat(
            [
                -F.cross_entropy(F.linear(some, self.embedding.weight), right, reduction="none")
                for some, right in zip(torch.split(rows, _ROWS), torch.split(wanted, _ROWS), strict=True)
            ]
        )
        return torch.zeros(target.shape, dtype=log_p.dtype).masked_scatter(
            F.pad(counts, (0, target.shape[1] - kept.shape[1])), log_p
        )


def translate(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """What a translator writes for `ids`, as a task's `predict` wants it."""
    assert isinstance(model, Translator)
    return model.translate(ids)


class GRUEncoder(nn.Module):
    """A gated recurrent unit in both directions, half the width each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cell = nn.GRU(width, width // 2, bidirectional=True, batch_first=True)

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """States of shape (N, S, width) for `x` of that shape; 0 where it is not `real`."""
        return packed_states(self.cell, x, real)


class GRUDecoder(nn.Module):
    """A gated recurrent unit, additive attention over the source, and a layer that reads both.

    The activation is in the energy of the attention, v . f(W q + U k), and in the layer that reads out, f(R [q; c]),
    where the papers have tanh. The cell keeps its own sigmoid and tanh, and so does the first state, which is one of
    the cell's.

    Source: D. Bahdanau, K. Cho, Y. Bengio 2015, Neural Machine Translation by Jointly Learning to Align and
    Translate. ICLR. arXiv:1409.0473 (the energy); M.-T. Luong, H. Pham, C. Manning 2015, Effective Approaches to
    Attention-based Neural Machine Translation. EMNLP. arXiv:1508.04025 (attention after the cell).
    """

    def __init__(self, width: int, activation: ModelFactory) -> None:
        super().__init__()
        self.first = linear(width, width)
        self.cell = nn.GRU(width, width, batch_first=True)
        self.query = linear(width, width // 2, activation.spec)
        self.key = linear(width, width // 2, activation.spec)
        self.energy_activation = activation()
        self.energy = nn.Linear(width // 2, 1, bias=False)
        self.read_out = linear(2 * width, width, activation.spec)
        self.activation = activation()

    def forward(self, x: torch.Tensor, memory: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """What comes after each of `x` (N, T, width), given `memory` (N, S, width) where `real`; shape of `x`."""
        return self._run(x, memory, real, self._begin(memory, real))[0]

    def step(
        self, x: torch.Tensor, memory: torch.Tensor, real: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What comes after the last of `x`, shape (N, width), and the state to go on from."""
        state = self._begin(memory, real) if state is None else state
        states, state = self._run(x[:, -1:], memory, real, state)
        return states[:, -1], state

    def _begin(self, memory: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.first(mean(memory, real)))[None]

    def _run(
        self, x: torch.Tensor, memory: torch.Tensor, real: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        states, state = self.cell(x, state)
        pairs = (
            self.query(states)[:, :, None] + self.key(memory)[:, None]
        ) * 0.5**0.5  # of unit size, as its parts
        energies = self.energy(self.energy_activation(pairs.flatten(1, 2))).view(*pairs.shape[:3])
        weights = energies.masked_fill(~real[:, None], -torch.inf).softmax(2)
        read = self.read_out(torch.cat([states, weights @ memory], dim=2))
        return self.activation(read), state


class GRUTranslator(Translator):
    """Encoder and decoder of gated recurrent units with additive attention; see `GRUDecoder`."""

    where = (
        "in the attention's energy and in the layer that reads out (the cells keep their sigmoid and tanh)"
    )

    def __init__(
        self, pieces: int, source_width: int, width: int, activation: ModelFactory, dropout: float
    ) -> None:
        super().__init__(
            pieces,
            source_width,
            width,
            GRUEncoder(width),
            GRUDecoder(width, activation),
            activation.dropout(dropout),
        )


class TransformerEncoder(nn.Module):
    """Layers of attention to the source and feed-forward."""

    def __init__(self, width: int, activation: ModelFactory, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, _HEADS, activation, dropout) for _ in range(_LAYERS))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Vectors of shape (N, S, width) for `x` of that shape, looking at what is `real`."""
        x = x + positions(x.shape[1], x.shape[2])
        for block in self.blocks:
            x = block(x, real[:, None, None])
        normed: torch.Tensor = self.norm(x)
        return normed


class TransformerDecoder(nn.Module):
    """Layers of attention to the pieces so far, attention to the source, and feed-forward."""

    def __init__(self, width: int, activation: ModelFactory, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(width, _HEADS, activation, dropout, memory=True) for _ in range(_LAYERS)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, memory: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """What comes after each of `x` (N, T, width), given `memory` (N, S, width) where `real`; shape of `x`."""
        x = x + positions(x.shape[1], x.shape[2])
        for block in self.blocks:
            x = block(x, causal=True, memory=memory, memory_mask=real[:, None, None])
        normed: torch.Tensor = self.norm(x)
        return normed

    def step(
        self, x: torch.Tensor, memory: torch.Tensor, real: torch.Tensor, state: list[Past] | None
    ) -> tuple[torch.Tensor, list[Past]]:
        """What comes after the last of `x`, shape (N, width), and keys and values of each layer to go on with."""
        last, new = (x + positions(x.shape[1], x.shape[2]))[:, -1:], []
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            last, past = block.step(last, state[number] if state else None, memory, real[:, None, None])
            new.append(past)
        return self.norm(last)[:, -1], new


class TransformerTranslator(Translator):
    """A transformer of two layers each side, normalised before each part (Vaswani et al. 2017, arXiv:1706.03762)."""

    where = "in the feed-forward parts"

    def __init__(
        self, pieces: int, source_width: int, width: int, activation: ModelFactory, dropout: float
    ) -> None:
        encoder = TransformerEncoder(width, activation, dropout)
        decoder = TransformerDecoder(width, activation, dropout)
        super().__init__(pieces, source_width, width, encoder, decoder, activation.dropout(dropout))


TRANSLATORS: Mapping[str, type[GRUTranslator] | type[TransformerTranslator]] = MappingProxyType(
    {"gru": GRUTranslator, "transformer": TransformerTranslator}
)
"""By the preset's name; each is made with (pieces, source width, width, activation, dropout)."""
