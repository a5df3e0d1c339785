"""Rectifiers that torch.nn has not, in torch's own operations, which keep less than the formula would."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from leaky.catalogue import lookup
from leaky.catalogue.rectifiers import VERY_LEAKY
from leaky.nn import functional
from leaky.nn.activations.base import exporting, of_large, operator
from leaky.nn.activations.elementwise import Elementwise, Learned, beside, floating

_THIRD = {
    dtype: torch.tensor(VERY_LEAKY, dtype=dtype).item()
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16)
}
"""Rounded to the precision that is computed in first, as the catalogue does."""
_BITS = 1 / 8


class VeryLeakyReLU(Elementwise):
    entry = lookup("very_leaky_relu")
    saved_bytes = _BITS
    saved_detail = of_large("the output")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        input = floating(input)
        return functional.leaky_relu(input, _THIRD.get(input.dtype, VERY_LEAKY))


class ClippedReLU(Elementwise):
    entry = lookup("clipped_relu")
    saved_bytes = _BITS
    saved_detail = of_large("the input")
    ceiling: float

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.hardtanh(floating(input), 0.0, self.ceiling)


class ThresholdedReLU(Elementwise):
    entry = lookup("thresholded_relu")
    threshold: float

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        input = floating(input)
        if exporting():
            return operator("ThresholdedRelu", input, {"alpha": self.threshold}, since=10)
        return F.threshold(input, self.threshold, 0.0)


class ShiftedReLU(Elementwise):
    entry = lookup("shifted_relu")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return _floor(floating(input), -1.0)


class DisplacedReLU(Elementwise):
    entry = lookup("displaced_relu")
    delta: float

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return _floor(floating(input), -self.delta)


class SquaredReLU(Elementwise):
    entry = lookup("squared_relu")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        rectified = F.relu(floating(input))
        return rectified * rectified


class FlexibleReLU(Learned):
    entry = lookup("flexible_relu")
    saved_bytes = _BITS
    saved_detail = of_large("the output")
    bias: torch.Tensor

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        input = floating(input)
        return functional.relu(input) + beside(self.entry.name, input, self.bias).to(input.dtype)


class CReLU(Elementwise):
    entry = lookup("crelu")
    saved_bytes = 2 * _BITS
    saved_detail = of_large("both halves of the output")
    dim: int

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input), twice as long along `dim`."""
        input = floating(input)
        _axes(self, input)
        return torch.cat([functional.relu(input), functional.relu(-input)], self.dim)


class Maxout(Elementwise):
    entry = lookup("maxout")
    saved_bytes = 6
    saved_detail = ", its input and, num_pieces times shorter, its output"
    num_pieces: int
    dim: int

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input), `num_pieces` times shorter along `dim`."""
        input = floating(input)
        _axes(self, input)
        dim = self.dim % input.dim()
        return torch.unflatten(input, dim, (-1, self.num_pieces)).amax(dim + 1)


def _floor(input: torch.Tensor, low: float) -> torch.Tensor:
    if exporting():
        # of Clip without an upper end ONNX Runtime makes one that ends at the largest number, not at infinity
        return torch.maximum(input, torch.tensor(low, dtype=input.dtype, device=input.device))
    return F.threshold(input, low, low)


def _axes(module: Elementwise, input: torch.Tensor) -> None:
    """Raise where the input has not the axes, or not the length of them, that f needs."""
    along = module.entry.along
    assert along is not None
    along.check(module.entry.name, tuple(input.shape), {name: getattr(module, name) for name in module.names})
