"""Initialisation with the activation's own gain."""

from __future__ import annotations

import importlib
import math
from typing import Any

import torch

from leaky.catalogue import Spec, parse
from leaky.errors import ArgumentError

_ASYMMETRIC = 0.6007
"""The standard deviation times sqrt(fan_in) of Lu et al. 2020."""


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


@torch.no_grad()
def randomized_asymmetric_(
    weight: torch.Tensor, bias: torch.Tensor | None = None, *, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Fill weight and bias of a layer before a ReLU in place, so that few units are born dead (Lu et al. 2020).

    Each row of (weight | bias) is drawn from N(0, 0.6007^2 / fan_in); then one entry of the row, which one is random,
    is drawn from Beta(2, 1) instead, whose density is 2t on (0, 1). 0.6007 is the root of
    s^2/2 + 4s/(3 sqrt(2 pi)) + 1/2 = 1, with which the second moment of a signal that is nowhere negative does not
    grow from layer to layer.

    Args:
        weight: shape (out, in, ...); fan_in is in * ....
        bias: shape (out,); without one the asymmetric entry is always a weight.
        generator: where the random numbers come from; torch's global one by default.

    Returns:
        The weight.

    Raises:
        ArgumentError: `weight` has fewer than two dimensions or no entries in a row, or `bias` another length.

    Reference: Lu, Shin, Su, Karniadakis 2020: Dying ReLU and Initialization: Theory and Numerical Examples.
    Communications in Computational Physics 28(5). arXiv:1903.06733

    Example:
        >>> layer = torch.nn.Linear(2, 2)
        >>> weight = randomized_asymmetric_(layer.weight, layer.bias)
        >>> bool((torch.cat([weight, layer.bias[:, None]], 1).max(1).values > 0).all())
        True
    """
    if weight.dim() < 2 or math.prod(weight.shape[1:]) == 0:
        raise ArgumentError(
            f"randomized_asymmetric_: `weight` must have shape (out, in, ...), none of them 0, "
            f"got {tuple(weight.shape)}"
        )
    rows, fan_in = weight.shape[0], math.prod(weight.shape[1:])
    if bias is not None and bias.shape != (rows,):
        raise ArgumentError(
            f"randomized_asymmetric_: `bias` must have shape ({rows},), one for each row, got {tuple(bias.shape)}"
        )
    columns = fan_in + (bias is not None)
    device = generator.device if generator is not None else weight.device
    joint = torch.randn(rows, columns, generator=generator, device=device).mul_(
        _ASYMMETRIC / math.sqrt(fan_in)
    )
    chosen = torch.randint(columns, (rows, 1), generator=generator, device=device)
    joint.scatter_(1, chosen, torch.rand(rows, 1, generator=generator, device=device).sqrt_())
    weight.copy_(joint[:, :fan_in].reshape(weight.shape))
    if bias is not None:
        bias.copy_(joint[:, fan_in])
    return weight


def __getattr__(name: str) -> Any:
    if name == "initialise_":  # of whole models, whose graphs leaky.models reads: here by its name alone
        return importlib.import_module("leaky.models").initialise_
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
