"""The parts that the text models share: embeddings, positions, pooling, and the blocks of a transformer."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from leaky.catalogue import Spec
from leaky.lab.factory import ModelFactory
from leaky.lab.text.words import PAD
from leaky.nn.init import he_normal_

Past = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Keys and values of the positions so far, and of the memory."""

IDENTITY = "leaky_relu(1)"
"""What follows a layer that no activation follows: with its gain, 1, signals keep their size."""


def trimmed(ids: torch.Tensor) -> torch.Tensor:
    """`ids` of shape (N, T) without the columns at the end that are padding in every row; one column stays."""
    used = int((ids != PAD).any(0).sum())
    return ids[:, : max(used, 1)]


def linear(inputs: int, outputs: int, spec: Spec | str = IDENTITY) -> nn.Linear:
    """A linear layer before `spec`: weights by He's rule with its gain, biases 0."""
    layer = nn.Linear(inputs, outputs)
    he_normal_(layer.weight, spec)
    nn.init.zeros_(layer.bias)
    return layer


def scores_of(inputs: int, classes: int) -> nn.Linear:
    """The last linear layer of a classifier: it starts near 0, so that no class is preferred before training."""
    layer = nn.Linear(inputs, classes)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


class Embedding(nn.Embedding):
    """A vector for every id: sqrt(width) times a row drawn from N(0, 1/width), so of unit size; padding's stays 0."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__(size, width, padding_idx=PAD)
        with torch.no_grad():
            self.weight.normal_(std=width**-0.5)
            self.weight[PAD] = 0

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Ids of any shape to vectors of shape (..., width)."""
        return super().forward(input) * math.sqrt(self.embedding_dim)


def highest(states: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """The maximum over time of `states` (N, T, F) where `real` (N, T): shape (N, F)."""
    return states.masked_fill(~real[..., None], -math.inf).amax(1)


def mean(states: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """The mean over time of `states` (N, T, F) where `real` (N, T): shape (N, F)."""
    weights = real[..., None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def packed_states(cell: nn.RNNBase, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """The states of a recurrent layer over `x` (N, T, F) that reads only what is `real`; 0 elsewhere."""
    packed = pack_padded_sequence(x, real.sum(1).clamp(min=1), batch_first=True, enforce_sorted=False)
    states: torch.Tensor = pad_packed_sequence(cell(packed)[0], batch_first=True, total_length=x.shape[1])[0]
    return states


def positions(length: int, width: int) -> torch.Tensor:
    """Sinusoids of shape (length, width) that tell a transformer where it reads (Vaswani et al. 2017)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


class Attention(nn.Module):
    """Scaled dot-product attention with several heads (Vaswani et al. 2017); `width` is divided among them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (linear(width, width) for _ in range(4))

    def forward(
        self, x: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor | None = None, causal: bool = False
    ) -> torch.Tensor:
        """Each of `x` (N, T, F) looks at `memory` (N, S, F), where `mask` (as (N, heads, T, S)) is True."""
        return self.attend(x, *self.keys_values(memory), mask, causal)

    def keys_values(self, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What `memory` (N, S, F) is looked up by, and what is found: (N, heads, S, F / heads) each."""
        return self._by_head(self.key(memory)), self._by_head(self.value(memory))

    def attend(
        self,
        x: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        mask: torch.Tensor | None = None,
        causal: bool = False,
    ) -> torch.Tensor:
        """`forward` with the `keys_values` of a memory."""
        query = self._by_head(self.query(x))
        seen = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask, is_causal=causal)
        attended: torch.Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return attended

    def _by_head(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class FeedForward(nn.Module):
    """Linear, the activation, linear: where a transformer has its activation."""

    def __init__(self, width: int, inner: int, activation: ModelFactory) -> None:
        super().__init__()
        self.inner = linear(width, inner, activation.spec)
        self.activation = activation()
        self.outer = linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` of shape (..., width), and the same back."""
        out: torch.Tensor = self.outer(self.activation(self.inner(x)))
        return out


class Block(nn.Module):
    """A transformer layer, normalised before each part: attention to itself, to a memory if any, feed-forward.

    Normalising first trains without warming up the learning rate (Xiong et al. 2020, arXiv:2002.04745).
    """

    def __init__(
        self, width: int, heads: int, activation: ModelFactory, dropout: float, *, memory: bool = False
    ) -> None:
        super().__init__()
        self.norm_self, self.to_self = nn.LayerNorm(width), Attention(width, heads)
        self.norm_memory = nn.LayerNorm(width) if memory else None
        self.to_memory = Attention(width, heads) if memory else None
        self.norm_forward, self.feed_forward = (
            nn.LayerNorm(width),
            FeedForward(width, 4 * width, activation),
        )
        self.dropout = activation.dropout(dropout)

    def forward(
        self,
        x: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        causal: bool = False,
        memory: torch.Tensor | None = None,
        memory_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """`x` of shape (N, T, width), and the same back; `mask` tells which positions may be looked at."""
        normed = self.norm_self(x)
        x = x + self.dropout(self.to_self(normed, normed, mask, causal))
        if self.to_memory is not None and self.norm_memory is not None:
            assert memory is not None
            x = x + self.dropout(self.to_memory(self.norm_memory(x), memory, memory_mask))
        out: torch.Tensor = x + self.dropout(self.feed_forward(self.norm_forward(x)))
        return out

    def step(
        self, x: torch.Tensor, past: Past | None, memory: torch.Tensor, memory_mask: torch.Tensor
    ) -> tuple[torch.Tensor, Past]:
        """`forward` for the next position alone, `x` of shape (N, 1, width), and what the position after it needs."""
        assert self.to_memory is not None
        assert self.norm_memory is not None
        normed = self.norm_self(x)
        keys, values = self.to_self.keys_values(normed)
        if past is not None:
            keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
        looked_up = self.to_memory.keys_values(memory) if past is None else past[2:]
        x = x + self.to_self.attend(normed, keys, values)
        x = x + self.to_memory.attend(self.norm_memory(x), *looked_up, memory_mask)
        return x + self.feed_forward(self.norm_forward(x)), (keys, values, *looked_up)
