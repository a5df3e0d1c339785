"""`Dropout`."""

from __future__ import annotations

import torch

from leaky.nn import functional
from leaky.nn.whole import whole


@whole
class Dropout(torch.nn.Dropout):
    """torch.nn.Dropout to the bit and with its draws, keeping one bit per element for backward.

    y = x / (1 - p), or x * 0 with probability p; f' is 1 / (1 - p), or 0. In evaluation f(x) = x. What it gives at 0,
    infinities and NaN, what is kept, for which sizes, and the paper: see `leaky.nn.functional.dropout`.

    Args:
        p: the probability of 0, from 0 to 1, or torch's ValueError is raised.
        inplace: write the result over the input.

    Takes a floating tensor of any shape.

    Example:
        >>> import torch, leaky
        >>> layer = leaky.nn.Dropout(0.1)
        >>> layer(torch.randn(8, 3)).shape
        torch.Size([8, 3])
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.dropout(input, self.p, self.training, self.inplace)
