"""Which dimension of an activation's input counts its units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import functional as F

FEATURES_LAST = (
    torch.nn.Linear,
    torch.nn.Bilinear,
    torch.nn.Embedding,
    torch.nn.LayerNorm,
    torch.nn.RMSNorm,
    torch.nn.MultiheadAttention,
    torch.nn.RNNBase,
)
CHANNELS_SECOND = (torch.nn.modules.conv._ConvNd, torch.nn.modules.batchnorm._NormBase, torch.nn.GroupNorm)
_CONVOLUTIONS: tuple[Any, ...] = (
    F.conv1d,
    F.conv2d,
    F.conv3d,
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
)
LAYERS: dict[Any, bool] = {
    **dict.fromkeys((F.linear, F.bilinear, F.embedding, F.layer_norm, F.rms_norm, torch.addmm), True),
    **dict.fromkeys((torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__), True),
    **dict.fromkeys((*_CONVOLUTIONS, F.batch_norm, F.group_norm, F.instance_norm), False),
}
"""Functions that put their features in a certain place: whether that is the last dim, or else the second.

Of matrix products those with a matrix, which is what weights are; a product of two batches is attention, say.
"""
_PRODUCTS: tuple[Any, ...] = (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__)


class LastLayer:
    """The layer that ran last, of those that put their features in a certain place."""

    def __init__(self) -> None:
        self._features_last = self._unbatched = False
        self._output: torch.Tensor | None = None
        self._shape: tuple[int, ...] = ()

    def ran(self, layer: torch.nn.Module, output: object) -> None:
        """Note what a layer put out."""
        output = output[0] if isinstance(output, tuple) and output else output
        spatial = len(layer.kernel_size) if isinstance(layer, torch.nn.modules.conv._ConvNd) else 0
        self._put_out(isinstance(layer, FEATURES_LAST), spatial, output)

    def called(self, function: Any, args: Any, output: object) -> None:
        """Note what one of `LAYERS` put out."""
        if function in _PRODUCTS and (len(args) < 2 or args[1].dim() != 2):
            return
        spatial = _CONVOLUTIONS.index(function) % 3 + 1 if function in _CONVOLUTIONS else 0
        self._put_out(LAYERS[function], spatial, output)

    def _put_out(self, features_last: bool, spatial: int, output: object) -> None:
        self._features_last = features_last
        if isinstance(output, torch.Tensor) and output.dim():
            self._output, self._shape = output if features_last else None, tuple(output.shape)
            self._unbatched = output.dim() == spatial + 1

    def unit_dim(self, x: torch.Tensor) -> int:
        """Dim 1 of (N, C, ...); the last after a Linear, an Embedding, a LayerNorm or their kin.

        That is where `x` is what such a layer put out, or has its features last; and of 3 dims wherever such a layer,
        and no convolution or batch norm, ran last. After a convolution it is dim 1 of what was only transposed only
        where the channels are there, and dim 0 where it got a single sample without a batch.
        """
        if x.dim() < 3 or x is self._output:
            return x.dim() - 1
        shape, width = tuple(x.shape), self._shape[-1] if self._shape else -1
        if not self._features_last:
            if self._unbatched and len(shape) == len(self._shape):
                return 0
            channels = self._shape[1] if len(self._shape) > 1 else -1
            moved = sorted(shape) == sorted(self._shape) and shape[1] != channels == shape[-1]
            return x.dim() - 1 if moved else 1
        if shape[-1] == width != shape[1]:
            return x.dim() - 1
        spread = len(self._shape) == 2 and math.prod(shape[1:]) == width  # a feature vector made a picture
        return x.dim() - 1 if x.dim() == 3 and not spread and not shape[1] == width != shape[-1] else 1

    def forget(self) -> None:
        """Let go of the tensor."""
        self._features_last = self._unbatched = False
        self._output, self._shape = None, ()


def units_along(x: torch.Tensor, unit: int) -> int:
    """The number of units; a vector has one where its entries are samples, which is dim 1 of it."""
    return 1 if unit == x.dim() else x.shape[unit]


def batch_of(arguments: Iterable[Any]) -> int:
    """How many samples a model is called with: the first dim of the first tensor; 0 where that is a single one."""
    for given in arguments:
        if isinstance(given, torch.Tensor):
            single = given.dim() == 0 or (given.dim() == 1 and given.is_floating_point())
            return 0 if single else given.shape[0]
        if isinstance(given, dict | list | tuple):
            found = batch_of(given.values() if isinstance(given, dict) else given)
            if found:
                return found
    return 0
