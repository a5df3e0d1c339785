"""Bias, activation, gain and clamp in one operation with gradients of any order."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import handle_torch_function, has_torch_function

from leaky.catalogue import Spec
from leaky.kernels.select import compiled, missing, serving, tracing
from leaky.nn.arguments import keywords_named
from leaky.nn.bias_act.arguments import OWN, Names, axis_of, clamp_of, gain_of
from leaky.nn.bias_act.coded import BiasActCoded, fits
from leaky.nn.bias_act.curves import BiasActCurve, curve_forward
from leaky.nn.bias_act.ops import BiasActLines, added, run_forward
from leaky.nn.bias_act.plan import (
    Plan,
    constants_of,
    leaky_plan,
    of_numbers,
    plan_of,
    rounded,
    value,
)


@keywords_named
def bias_act(
    x: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    activation: str | Spec | None = None,
    gain: float = 1.0,
    clamp: float | None = None,
    dim: int = 1,
) -> torch.Tensor:
    """clamp(gain * f(x + bias), -clamp, clamp), the bias along `dim`; StyleGAN's op, differentiable for ever.

    f'(0) is the entry's (the left side's of a kink), and the gradient is 0 wherever the value before the clamp
    reaches it, abs(gain * f(x + bias)) >= clamp: what is at the clamp gets no gradient, whether it was held there or
    arrived exactly, as nothing in the output tells the two apart. (torch.clamp passes the gradient at equality.)
    NaN stays NaN, under a clamp too; the gradient there is torch's for lines (gain * negative_slope for leaky ReLU,
    gain for ReLU), and NaN for all other activations. An infinite value is held at the clamp; ReLU and a slope of 0
    give 0 at -inf, and 0 at -0.

    Half precision is computed in float32, the bias added, and rounded once; the clamp is compared before rounding.

    Args:
        x: float32, float64, bfloat16 or float16, of any shape and strides, on any device; not sparse or nested.
        bias: x.shape[dim] numbers, of x's dtype or float32; None adds nothing, to inputs without a `dim` too.
        activation: a spec such as "leaky_relu(negative_slope=0.2)" of what works element by element and learns
            nothing; None is the identity.
        gain: a finite number. The product of gain and slope is rounded once.
        clamp: finite and above 0, or None.
        dim: of the bias; negative counts from the end.

    Returns:
        A new tensor of x's shape, dtype and, where x is dense, memory layout.

    Raises:
        ArgumentError: an activation that learns, draws at random or mixes elements; a gain that is not finite, a
            clamp that is not finite and above 0, a `dim` that x has not, a bias of another shape or device.
        ArgumentTypeError: an argument of another kind or dtype.

    Saved for backward, where f is two lines (relu, leaky_relu, very_leaky_relu) or none: one bit per element,
    two with a slope and a clamp, and nothing for the identity without a clamp; a byte per element without the native
    kernels, or on a GPU those in Triton (from 65,536 elements on). Curves keep x, once, and the bias: backward raises
    where one of them has been changed in place since, which lines do not mind. Under torch.compile, torch.export and
    functorch transforms it is torch's operations; compiled lines keep nothing beside an output that a layer behind
    keeps, else a byte per element, also where that output does not tell: with a gain below 1, a negative slope, or
    in half precision a clamp.

    Sums of the bias's gradient are taken in float32 (float64), in an order that depends on the shape alone.

    Source: Karras, Laine, Aittala, Hellsten, Lehtinen, Aila 2020: Analyzing and Improving the Image Quality of
    StyleGAN. CVPR. arXiv:1912.04958

    Example:
        >>> import torch, leaky
        >>> x = torch.tensor([[-2.0, 0.0], [1.0, 300.0]])
        >>> bias = torch.tensor([1.0, 0.5])
        >>> leaky.nn.functional.bias_act(x, bias, activation="leaky_relu(negative_slope=0.5)", gain=2.0, clamp=256.0)
        tensor([[ -1.,   1.],
                [  4., 256.]])
    """
    if has_torch_function((x, bias)):
        activation = str(activation) if isinstance(activation, Spec) else activation  # which a graph can hold
        seen: torch.Tensor = handle_torch_function(
            bias_act, (x, bias), x, bias, activation=activation, gain=gain, clamp=clamp, dim=dim
        )
        return seen
    return bias_act_of(x, bias, activation, gain, clamp, dim, OWN)


def bias_act_of(
    x: Any, bias: Any, activation: Any, gain: Any, clamp: Any, dim: Any, names: Names
) -> torch.Tensor:
    """`bias_act` that calls its arguments by these names where they are wrong."""
    if torch.compiler.is_compiling():
        spec = str(activation) if isinstance(activation, Spec) else activation
        plan = of_numbers(Plan(*constants_of(spec, names)), gain_of(gain, names), clamp_of(clamp, names))
    else:
        plan = plan_of(activation, gain, clamp, names)
    return apply(x, bias, plan, dim, names)


def leaky_bias_act(
    x: Any, bias: Any, negative_slope: Any, gain: Any, clamp: Any, dim: Any, names: Names
) -> torch.Tensor:
    """The same with a leaky ReLU; its slope may be a symbol, as a compiler makes of the second number it sees."""
    plan = leaky_plan(negative_slope, gain, clamp, names)
    if not torch.compiler.is_compiling() and has_torch_function((x, bias)):
        spec = f"leaky_relu(negative_slope={plan.values[0]!r})"
        return bias_act(x, bias, activation=spec, gain=plan.gain, clamp=plan.clamp, dim=dim)
    return apply(x, bias, plan, dim, names)


def apply(x: torch.Tensor, bias: torch.Tensor | None, plan: Plan, dim: int, names: Names) -> torch.Tensor:
    """What `bias_act` does, once its numbers are read."""
    axis = axis_of(x, bias, dim, names)
    plan = rounded(plan, x.dtype)
    learns = torch.is_grad_enabled() and (x.requires_grad or (bias is not None and bias.requires_grad))
    if learns and compiled() and fits(plan):
        seen: torch.Tensor = BiasActCoded.apply(x, bias, axis, plan.kind, plan.upper, plan.lower, plan.clamp)
        return seen
    if tracing():
        return value(added(x, bias, axis), plan).to(x.dtype)
    kernels, _ = serving("bias_act", x, bias)
    if plan.kind is None:
        missing(f"bias_act with {plan.name}", x)
        if not learns:
            return curve_forward(x, bias, plan, axis, kernels)
        result: torch.Tensor = BiasActCurve.apply(x, bias, plan, axis, kernels)
    elif learns:
        result = BiasActLines.apply(x, bias, plan, axis, kernels)
    elif kernels is not None:
        result = run_forward(kernels, x, bias, plan.lines, axis, keep=False)[0]
    else:
        result = value(added(x, bias, axis), plan).to(x.dtype)
    return result
