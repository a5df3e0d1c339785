"""Which dimension of an activation's input counts its units."""

from __future__ import annotations

import torch

FEATURES_LAST = (torch.nn.Linear, torch.nn.LayerNorm, torch.nn.MultiheadAttention, torch.nn.RNNBase)
CHANNELS_SECOND = (torch.nn.modules.conv._ConvNd, torch.nn.modules.batchnorm._NormBase, torch.nn.GroupNorm)


class LastLayer:
    """The layer that ran last, of those that put their features in a certain place."""

    def __init__(self) -> None:
        self._features_last = False
        self._output: torch.Tensor | None = None
        self._width = -1

    def ran(self, layer: torch.nn.Module, output: object) -> None:
        """Note what a layer put out."""
        output = output[0] if isinstance(output, tuple) and output else output
        self._features_last = isinstance(layer, FEATURES_LAST)
        if isinstance(output, torch.Tensor) and output.dim() and self._features_last:
            self._output, self._width = output, output.shape[-1]

    def unit_dim(self, x: torch.Tensor) -> int:
        """Dim 1 of (N, C, ...); the last after a Linear, a LayerNorm or their kin.

        That is where `x` is what such a layer put out; and of 3 and more dims, where such a layer, and no convolution
        or batch norm, ran last and the last dim has its width.
        """
        if x.dim() < 3 or x is self._output:
            return x.dim() - 1
        if not self._features_last or (x.shape[1] == self._width != x.shape[-1]):
            return 1
        return x.dim() - 1 if x.dim() == 3 or x.shape[-1] == self._width != x.shape[1] else 1

    def forget(self) -> None:
        """Let go of the tensor."""
        self._features_last, self._output = False, None
