"""Rectifiers that draw random numbers in training, from torch's generator of the input's device."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from leaky.catalogue import lookup
from leaky.nn import functional
from leaky.nn.activations.base import ActivationModule, exporting
from leaky.nn.activations.elementwise import Elementwise, floating
from leaky.nn.activations.twins import written


class NoisyReLU(Elementwise):
    entry = lookup("noisy_relu")
    saved_bytes = 1 / 8
    saved_detail = " on the CPU (elsewhere, and of fewer than 4,096 elements, the output)"

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input); in training of the input and its noise."""
        input = floating(input)
        if self.training and not exporting():
            with torch.no_grad():
                noise = torch.randn_like(input).mul_(torch.sigmoid(input).sqrt_())
            input = input + noise
        return functional.relu(input)


class RReLU(ActivationModule, torch.nn.RReLU):
    entry = lookup("rrelu")
    saved_bytes = 8
    saved_detail = ", the input and the slopes; with form='divide' 5, the divisors and a byte for the side"
    further = (("inplace", "write the result over the input"),)
    form: str

    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False, *, form: str = "multiply"
    ) -> None:
        super().__init__(lower, upper, inplace)
        self.form = form

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input); in training with slopes drawn for every element."""
        if self.form == "divide":
            return self._divided(input)
        if exporting():
            return F.leaky_relu(input, (self.lower + self.upper) / 2)
        return super().forward(input)

    def _divided(self, input: torch.Tensor) -> torch.Tensor:
        low, high = 1 / self.upper, 1 / self.lower
        wide = floating(input)
        if not self.training or exporting():
            slope = 2 / (low + high)
            if wide is input:
                return functional.leaky_relu(input, slope, self.inplace)
            return written(self, input, functional.leaky_relu(wide, slope))
        divisors = torch.empty_like(wide, requires_grad=False).uniform_(low, high)
        return written(self, input, torch.where(wide > 0, wide, wide / divisors))

    def extra_repr(self) -> str:
        """As torch's, with the form where it is not torch's."""
        return super().extra_repr() + (f", form={self.form!r}" if self.form != "multiply" else "")
