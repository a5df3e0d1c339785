"""Initialisation with the activation's own gain."""

from __future__ import annotations

import math

import torch

from leaky.catalogue import Spec, parse
from leaky.errors import ArgumentError


def gain(spec: str | Spec) -> float:
    """The factor on 1/sqrt(fan_in) that keeps the second moment of a signal through layer and activation.

    1/sqrt(E[f(z)^2]) for z ~ N(0, 1): sqrt(2/(1+negative_slope^2)) for the leaky family (He et al. 2015), by
    quadrature for the rest. It differs from `torch.nn.init.calculate_gain` for tanh (1.593, torch 5/3),
    selu (1, torch 0.75) and sigmoid (1.846, torch 1).

    >>> round(gain("leaky_relu(negative_slope=0.2)"), 5)
    1.38675
    """
    return parse(spec).gain


@torch.no_grad()
def he_normal_(
    tensor: torch.Tensor, activation: str | Spec = "relu", *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Fill a weight in place from N(0, gain(activation)^2 / fan_in) (He et al. 2015).

    Args:
        tensor: the weight of a layer that `activation` follows, of shape (out, in, ...); fan_in is in * ....
        activation: a spec; the gain is its own.
        generator: where the random numbers come from; torch's global one by default. The standard normal
            draws do not depend on the activation, so that comparisons with one seed are paired.

    Returns:
        The same tensor.

    Raises:
        ArgumentError: `tensor` has fewer than two dimensions.

    Example:
        >>> weight = he_normal_(torch.empty(256, 512), "leaky_relu(negative_slope=0.2)")
        >>> abs(weight.std().item() - 1.38675 / 512**0.5) < 0.001
        True
    """
    if tensor.dim() < 2:
        raise ArgumentError(
            f"he_normal_: `tensor` must have shape (out, in, ...), got {tuple(tensor.shape)}; "
            "biases and norms have no fan_in"
        )
    scale = gain(activation) / math.sqrt(max(math.prod(tensor.shape[1:]), 1))  # an empty weight stays empty
    return tensor.normal_(generator=generator).mul_(scale)
