"""Functions like those of torch.nn.functional that keep less for backward, mostly one bit per element."""

from __future__ import annotations

import torch
from torch.nn import functional as F
from torch.overrides import handle_torch_function, has_torch_function_unary

from leaky.catalogue import lookup
from leaky.catalogue.rectifiers import mean_slope
from leaky.kernels import coded, plain
from leaky.kernels.select import SMALL, compiled, serving, tracing
from leaky.nn import arguments
from leaky.nn.bias_act.function import bias_act
from leaky.nn.layers.clamp import hardtanh, relu6
from leaky.nn.layers.drawn import rrelu_in_training
from leaky.nn.layers.dropout import dropout
from leaky.nn.layers.from_output import celu, elu, selu, softplus
from leaky.nn.layers.prelu import prelu
from leaky.nn.ops import KeepBits
from leaky.nn.whole import unscripted

__all__ = [
    "bias_act",
    "celu",
    "dropout",
    "elu",
    "hardtanh",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "softplus",
]

_RRELU = lookup("rrelu")


def leaky_relu(input: torch.Tensor, negative_slope: float = 0.01, inplace: bool = False) -> torch.Tensor:
    """torch.nn.functional.leaky_relu to the bit, keeping one bit per element for backward.

    f(x) = x if x > 0 else negative_slope * x; f(0) = 0 and f'(0) = negative_slope; NaN stays NaN, with
    derivative negative_slope, as in torch.

    Args:
        input: a floating tensor of any shape, strides and device.
        negative_slope: any number. In place, torch's backward refuses negative ones; here they are right.
        inplace: write the result over the input.

    Returns:
        A tensor of the input's shape and dtype (the input itself, in place).

    Saved for backward: one bit per element, on the CPU by the native kernels, on a GPU by those in Triton (from
    65,536 elements on). Without them the output, or for a negative slope one byte per element; tensors of fewer than
    4,096 elements keep what torch keeps.
    Differentiable any number of times. Under torch.compile the compiler reads the sign from the output where a layer
    behind keeps that, else (and for a negative slope) keeps one byte per element; exports and functorch transforms
    are given torch's own.

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.leaky_relu(torch.tensor([-2.0, 3.0]), 0.1)
        tensor([-0.2000,  3.0000])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(leaky_relu, (input,), input, negative_slope, inplace)
        return seen
    if not isinstance(input, torch.Tensor) or type(negative_slope) is not float or inplace is not False:
        arguments.check("leaky_relu", input, inplace, negative_slope=negative_slope)
    if inplace and tracing():
        return _traced_in_place(input, negative_slope)
    if not (input.requires_grad and torch.is_grad_enabled()):
        return F.leaky_relu_(input, negative_slope) if inplace else F.leaky_relu(input, negative_slope)
    if inplace and input.is_leaf:
        return F.leaky_relu_(input, negative_slope)  # torch refuses, before anything is written
    kernels, _ = serving("leaky_relu", input)
    if kernels is not None:
        result: torch.Tensor = KeepBits.apply(input, float(negative_slope), False, inplace, kernels)
        return result
    return _without_native(input, negative_slope, inplace)


def relu(input: torch.Tensor, inplace: bool = False) -> torch.Tensor:
    """torch.nn.functional.relu to the bit, keeping one bit per element for backward.

    f(x) = max(x, 0); f'(0) = 0; NaN stays NaN, with derivative 1, as in torch. Arguments, result and what is saved
    are those of `leaky_relu`; where no kernel serves, torch's own relu does, which keeps its output.

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.relu(torch.tensor([-2.0, 3.0]))
        tensor([0., 3.])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(relu, (input,), input, inplace)
        return seen
    if not isinstance(input, torch.Tensor) or inplace is not False:
        arguments.check("relu", input, inplace)
    learns = input.requires_grad and torch.is_grad_enabled() and not (inplace and input.is_leaf)
    if learns and (kernels := serving("relu", input)[0]) is not None:
        result: torch.Tensor = KeepBits.apply(input, 0.0, True, inplace, kernels)
        return result
    if learns and compiled():
        return _coded(input, None, inplace)
    return F.relu_(input) if inplace else F.relu(input)


def rrelu(
    input: torch.Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    form: str = "multiply",
) -> torch.Tensor:
    """torch.nn.functional.rrelu with draws of its own, keeping a seed and one bit per element for backward.

    f(x) = x if x > 0 else slope * x; in training the slope of every element is drawn: from U(lower, upper), or with
    form="divide", as the paper has it, 1 / A with A from U(1 / upper, 1 / lower), U(3, 8) by default. Otherwise it is
    (lower + upper) / 2, or 2 / (1 / lower + 1 / upper). f(0) = 0, f'(0) = slope; NaN stays NaN, with derivative 1 in
    training, as in torch.

    The seed of a call comes from torch's generator, so `torch.manual_seed` repeats it; the slopes then depend on the
    seed and an element's place in memory alone (Philox4x32-10, 24 bits), not on threads, dtype or whether gradients
    are computed. They are not the slopes that torch draws from that seed.

    Args:
        input: a floating tensor of any shape, strides and device.
        lower: smallest slope; above 0 with form="divide".
        upper: largest slope, not below `lower`.
        training: whether slopes are drawn.
        inplace: write the result over the input.
        form: "multiply" or "divide".

    Returns:
        A tensor of the input's shape and dtype (the input itself, in place).

    Raises:
        ArgumentError: `lower`, `upper` or `form` is none of these.
        ArgumentTypeError: an argument is of another kind.

    Saved for backward: one bit per element and the seed with the native kernels, or on a GPU those in Triton;
    elsewhere torch draws, and keeps the input and the slopes. Differentiable any number of times. Under torch.compile
    and functorch transforms it is torch's own.

    Source: Xu, Wang, Chen, Li 2015: Empirical Evaluation of Rectified Activations in Convolutional Network.
    arXiv:1505.00853

    Example:
        >>> import torch, leaky
        >>> leaky.nn.functional.rrelu(torch.tensor([-2.4, 3.0]), 0.1, 0.4)
        tensor([-0.6000,  3.0000])
    """
    if has_torch_function_unary(input):
        seen: torch.Tensor = handle_torch_function(
            rrelu, (input,), input, lower, upper, training, inplace, form=form
        )
        return seen
    arguments.check("rrelu", input, inplace, lower=lower, upper=upper)
    if training is not False:
        arguments.flag("rrelu", "training", training)
    _RRELU.bind(lower, upper, form)
    if training:
        return rrelu_in_training(input, lower, upper, inplace, divide=form == "divide")
    return leaky_relu(input, mean_slope(lower, upper, form), inplace)


def _traced_in_place(x: torch.Tensor, negative_slope: float) -> torch.Tensor:
    """With and without gradients from one line: torch.jit.trace compares where two runs came by."""
    if compiled() and x.requires_grad and torch.is_grad_enabled() and not x.is_leaf:
        return _coded(x, negative_slope, inplace=True)
    if negative_slope < 0:  # torch's in-place form refuses in backward
        return x.copy_(F.leaky_relu(x.clone(), negative_slope))
    return F.leaky_relu_(x, negative_slope)


def _without_native(x: torch.Tensor, negative_slope: float, inplace: bool) -> torch.Tensor:
    result: torch.Tensor
    if negative_slope < 0 and inplace:
        result = plain.KeepBytes.apply(x, negative_slope, True)
    elif inplace:
        result = F.leaky_relu_(x, negative_slope)
    elif compiled():
        result = _coded(x, negative_slope, inplace=False)
    elif tracing() or x.numel() < SMALL:
        result = F.leaky_relu(x, negative_slope)
    elif negative_slope < 0:
        result = plain.KeepBytes.apply(x, negative_slope, False)
    else:
        result = plain.KeepOutput.apply(x, negative_slope)
    return result


def _coded(x: torch.Tensor, negative_slope: float | None, inplace: bool) -> torch.Tensor:
    """For compilers, which take a call to pieces; None: ReLU."""
    if negative_slope is not None and not coded.calculable(negative_slope):
        return (
            x.copy_(F.leaky_relu(x.clone(), negative_slope)) if inplace else F.leaky_relu(x, negative_slope)
        )
    y: torch.Tensor = coded.KeepCode.apply(x, negative_slope)
    return x.copy_(y) if inplace else y


for _name in __all__:
    unscripted(globals()[_name])
