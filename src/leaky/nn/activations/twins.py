"""Subclasses of torch.nn's that do more: keep less, take the entry's other parameters, export to one operator."""

from __future__ import annotations

import math
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import torch
from torch.nn import functional as F

from leaky.catalogue import lookup
from leaky.errors import ArgumentTypeError
from leaky.kernels.select import missing
from leaky.nn import functional
from leaky.nn.activations.base import ActivationModule, exporting, of_large, operator
from leaky.nn.activations.elementwise import beside, by_formula, floating, shape_of

_INPLACE = ("inplace", "write the result over the input")
_OUTPUT = (
    ", its output, which the next layer mostly keeps anyway (of fewer than 4,096 elements, and in half precision, "
    "its input)"
)


def written(module: Any, input: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
    """`result`, over the input where the module works in place."""
    if not module.inplace:
        return result
    if not input.is_floating_point():
        raise ArgumentTypeError(
            f"{module.entry.name}: in place, the input must be floating-point, got {input.dtype}; "
            "leave out inplace=True"
        )
    return input.copy_(result)


class ReLU(ActivationModule, torch.nn.ReLU):
    entry = lookup("relu")
    further = (_INPLACE,)
    saved_bytes = 1 / 8
    saved_detail = of_large("what torch keeps")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.relu(input, self.inplace)


class LeakyReLU(ActivationModule, torch.nn.LeakyReLU):
    entry = lookup("leaky_relu")
    further = (_INPLACE,)
    saved_bytes = 1 / 8
    saved_detail = of_large("what torch keeps")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.leaky_relu(input, self.negative_slope, self.inplace)


class Hardtanh(ActivationModule, torch.nn.Hardtanh):
    entry = lookup("hardtanh")
    renamed = MappingProxyType({"min_value": "min_val", "max_value": "max_val"})
    further = (_INPLACE,)
    saved_bytes = 1 / 8
    saved_detail = of_large("what torch keeps")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.hardtanh(input, self.min_val, self.max_val, self.inplace)


class ReLU6(ActivationModule, torch.nn.ReLU6):
    entry = lookup("relu6")
    further = (_INPLACE,)
    saved_bytes = 1 / 8
    saved_detail = of_large("what torch keeps")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.relu6(input, self.inplace)


class PReLU(ActivationModule, torch.nn.PReLU):
    entry = lookup("prelu")
    renamed = MappingProxyType({"init": "negative_slope"})
    remarks = "The slopes are `weight`, as torch calls them, and `init` is where they start."
    saved_detail = (
        ", its output, which the next layer mostly keeps anyway, and the input of channels whose slope is not above "
        "0, on the CPU (elsewhere, of fewer than 4,096 elements, and with a slope per element, its input)"
    )
    further = (
        (
            "num_parameters",
            "1 for one slope in all, C for one per channel (dim 1), both as torch; a tuple, the shape of a sample "
            "such as (C, H, W), for one per element",
        ),
        ("init", "slope for x < 0, where learning starts, default 0.25"),
        ("device", "of the slopes"),
        ("dtype", "of the slopes"),
    )

    def __init__(
        self, num_parameters: Any = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        if isinstance(num_parameters, float):
            raise ArgumentTypeError(
                f"prelu: `num_parameters` must be an integer, or a tuple of integers, got {num_parameters!r}; write "
                f"init={num_parameters!r} if that is where the slope starts"
            )
        shape_of(self.entry.name, num_parameters)
        super().__init__(num_parameters, init, device, dtype)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        if self.weight.dim() < 2:
            return functional.prelu(input, self.weight)
        missing("a PReLU with a slope per element", input)
        slopes = beside(self.entry.name, input, self.weight).to(input.dtype)
        return torch.where(input > 0, input, slopes * input)


class ELU(ActivationModule, torch.nn.ELU):
    entry = lookup("elu")
    further = (_INPLACE,)
    saved_detail = _OUTPUT

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.elu(input, self.alpha, self.inplace)


class CELU(ActivationModule, torch.nn.CELU):
    entry = lookup("celu")
    further = (_INPLACE,)
    saved_detail = _OUTPUT

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.celu(input, self.alpha, self.inplace)


class SELU(ActivationModule, torch.nn.SELU):
    entry = lookup("selu")
    further = (_INPLACE,)
    saved_detail = _OUTPUT

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return functional.selu(input, self.inplace)


class Softplus(ActivationModule, torch.nn.Softplus):
    entry = lookup("softplus")
    saved_detail = (
        ", its output, which the next layer mostly keeps anyway (of fewer than 4,096 elements its input)"
    )

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input); exported with the threshold where that is seen in the precision of the input."""
        if not exporting():
            return functional.softplus(input, self.beta, self.threshold)
        scaled = input if self.beta == 1 else input * self.beta
        smooth = operator("Softplus", scaled, since=1)
        smooth = smooth if self.beta == 1 else smooth / self.beta
        # beyond, the smooth curve is above x by exp(-threshold) / beta at most; half a unit in the last place is seen
        if math.exp(-self.threshold) <= self.threshold * torch.finfo(input.dtype).eps / 4:
            return smooth
        return torch.where(scaled > self.threshold, input, smooth)


class Hardshrink(ActivationModule, torch.nn.Hardshrink):
    entry = lookup("hardshrink")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        if exporting():
            return operator("Shrink", input, {"lambd": float(self.lambd), "bias": 0.0}, since=9)
        return super().forward(input)


class Softsign(ActivationModule, torch.nn.Softsign):
    entry = lookup("softsign")
    saved_bytes = 8
    saved_detail = ", its input and what it divides by"

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return operator("Softsign", input, since=1) if exporting() else super().forward(input)


class Hardsigmoid(ActivationModule, torch.nn.Hardsigmoid):
    entry = lookup("hardsigmoid")
    remarks = "With torch's own slope and offset it is torch's function, with others the catalogue's."
    further = (_INPLACE,)

    def __init__(self, inplace: bool = False, *, slope: float = 1 / 6, offset: float = 0.5) -> None:
        super().__init__(inplace)
        values = self.entry.bind(slope, offset)
        self._slope: float = values["slope"]
        self._offset: float = values["offset"]
        # offset / slope in two: a short number, which every precision has, and the rest; see the entry's formula.
        shift = Fraction(self._offset) / Fraction(self._slope)
        mantissa, exponent = math.frexp(float(shift))
        self._large = math.ldexp(round(mantissa * 256), exponent - 8)
        self._small = float(shift - Fraction(self._large))

    @property
    def slope(self) -> float:
        """Of the line in the middle; set by the constructor."""
        return self._slope

    @property
    def offset(self) -> float:
        """The value at 0; set by the constructor."""
        return self._offset

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        if (self._slope, self._offset) == (1 / 6, 0.5):
            return super().forward(input)
        if exporting():
            return operator("HardSigmoid", input, {"alpha": self._slope, "beta": self._offset}, since=6)
        narrow = floating(input)
        wide = narrow.float() if narrow.dtype.itemsize < 4 else narrow
        line = ((wide + self._large) + self._small) * self._slope
        high = torch.where(wide >= (1 - self._offset) / self._slope, torch.ones_like(wide), line)
        result = torch.where(wide <= -self._offset / self._slope, torch.zeros_like(wide), high)
        return written(self, input, result.to(narrow.dtype))

    def extra_repr(self) -> str:
        """As torch's, with slope and offset where they are not torch's."""
        if (self._slope, self._offset) == (1 / 6, 0.5):
            return super().extra_repr()
        return f"{'inplace=True, ' * self.inplace}slope={self._slope:g}, offset={self._offset:g}"


class SiLU(ActivationModule, torch.nn.SiLU):
    entry = lookup("silu")
    remarks = "At beta 1 it is torch's function, at others the catalogue's, which is 0 at -inf."
    further = (_INPLACE,)
    beta: float

    def __init__(self, inplace: bool = False, *, beta: float = 1.0) -> None:
        super().__init__(inplace)
        self.beta = self.entry.bind(beta)["beta"]

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        if self.beta == 1:
            return super().forward(input)
        if exporting():
            return self._exported(input)
        return written(self, input, by_formula(self, input, {"beta": self.beta}))

    def _exported(self, input: torch.Tensor) -> torch.Tensor:
        """The formula in ONNX's operators, and 0 at the end where it would be inf * 0."""
        if self.beta == 0:
            return input / 2
        flat = math.copysign(math.inf, -self.beta)
        return (input * F.sigmoid(input * self.beta)).masked_fill(input == flat, 0.0)

    def extra_repr(self) -> str:
        """As torch's, with beta where it is not torch's."""
        shown = [super().extra_repr()] if self.inplace else []
        return ", ".join(shown + ([f"beta={self.beta:g}"] if self.beta != 1 else []))
