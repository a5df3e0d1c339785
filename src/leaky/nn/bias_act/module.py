"""A learned bias and an activation in one module."""

from __future__ import annotations

import torch
from torch.overrides import has_torch_function

from leaky.catalogue import Spec, parse
from leaky.nn.arguments import keywords_named
from leaky.nn.bias_act.arguments import Names, check_place, dim_of, features
from leaky.nn.bias_act.function import apply, bias_act
from leaky.nn.bias_act.plan import plan_of
from leaky.nn.whole import whole

_NAMES = Names("BiasAct", "input")


@whole
class BiasAct(torch.nn.Module):
    """clamp(gain * f(input + bias), -clamp, clamp) with a learned bias along `dim`: `bias_act` as a module.

    What it gives at 0, at NaN and where the clamp is reached, its gradients, what it keeps for backward and the
    paper: see `leaky.nn.functional.bias_act`. To follow a convolution or linear layer made with bias=False.

    Args:
        num_features: length of the bias, which starts at 0: the size of the input along `dim`.
        activation: a spec, or None for the identity; nothing that learns.
        gain: a finite number.
        clamp: finite and above 0, or None.
        dim: of the bias: 1 for (N, C, ...), -1 for (..., C).
        device: of the bias.
        dtype: of the bias: float32, or that of the input.

    Raises:
        ArgumentError: `num_features` is below 1, torch has no such `device` here, or what `bias_act` raises.
        ArgumentTypeError: an argument of another kind, a `dtype` that is none of bias_act's.

    Example:
        >>> import torch, leaky
        >>> layer = leaky.nn.BiasAct(2, activation="leaky_relu(negative_slope=0.2)", gain=2.0)
        >>> layer(torch.tensor([[-1.0, 3.0]])).tolist()
        [[-0.4000000059604645, 6.0]]
    """

    bias: torch.nn.Parameter

    @keywords_named
    def __init__(
        self,
        num_features: int,
        *,
        activation: str | Spec | None = None,
        gain: float = 1.0,
        clamp: float | None = None,
        dim: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_features, self.dim = features("BiasAct", "num_features", num_features), dim_of(dim, _NAMES)
        self.plan = plan_of(activation, gain, clamp, _NAMES)
        self.activation = None if activation is None else parse(activation)
        check_place("BiasAct", device, dtype)
        self.bias = torch.nn.Parameter(torch.zeros(self.num_features, device=device, dtype=dtype))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """clamp(gain * f(input + bias))."""
        bias, plan = self.bias, self.plan
        if has_torch_function((input, bias)):
            spec, gain, clamp = self.activation, plan.gain, plan.clamp
            return bias_act(input, bias, activation=spec, gain=gain, clamp=clamp, dim=self.dim)
        return apply(input, bias, plan, self.dim, _NAMES)

    def extra_repr(self) -> str:
        """The arguments it was made with."""
        parts = [f"{self.num_features}, activation={self.activation}"]
        parts += [f"gain={self.plan.gain:g}"] if self.plan.gain != 1 else []
        parts += [] if self.plan.clamp is None else [f"clamp={self.plan.clamp:g}"]
        return ", ".join(parts + ([f"dim={self.dim}"] if self.dim != 1 else []))
