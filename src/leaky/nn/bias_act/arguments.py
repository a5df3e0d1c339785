"""What bias_act, its layers and its shims are given by mistake, told in one line and in the caller's own words."""

from __future__ import annotations

import math
import numbers
from typing import Any, NamedTuple

import numpy as np
import torch

from leaky.catalogue import Spec
from leaky.catalogue.spec import instead_of
from leaky.errors import ArgumentError, ArgumentTypeError, one_line, shown
from leaky.kernels.select import DTYPES
from leaky.nn.arguments import known


class Names(NamedTuple):
    """What a function and its arguments are called where it is called: shims have other projects' names."""

    function: str = "bias_act"
    x: str = "x"
    bias: str = "bias"
    negative_slope: str = "negative_slope"
    gain: str = "gain"


OWN = Names()
_FLOATING = "float32, float64, bfloat16 or float16"
_SYMBOLS = (int, float, torch.SymInt, torch.SymFloat)


def gain_of(gain: Any, names: Names) -> Any:
    """A finite number."""
    gain = _number(names.function, names.gain, gain, "1.0 scales nothing", "multiply the result by it")
    if not -math.inf < gain < math.inf:
        raise ArgumentError(
            f"{names.function}: `{names.gain}` must be finite, got {gain}; 1.0 scales nothing"
        )
    return gain


def slope_of(negative_slope: Any, names: Names) -> Any:
    """A finite number."""
    function, name = names.function, names.negative_slope
    negative_slope = _number(
        function, name, negative_slope, "0.2 is the default", "write float(...) around it"
    )
    if not -math.inf < negative_slope < math.inf:
        raise ArgumentError(f"{function}: `{name}` must be finite, got {negative_slope}; 0.2 is the default")
    return negative_slope


def clamp_of(clamp: Any, names: Names) -> Any:
    """A finite number above 0, or None."""
    if clamp is None:
        return None
    function = names.function
    clamp = _number(function, "clamp", clamp, "None clamps nothing", "write float(...) around it")
    if not 0 < clamp < math.inf:
        given = clamp if torch.compiler.is_compiling() else f"{clamp:g}"
        raise ArgumentError(
            f"{function}: `clamp` must be finite and above 0, got {given}; None clamps nothing"
        )
    return clamp


def _number(function: str, name: str, value: Any, remedy: str, of_tensor: str) -> Any:
    """A number as a float; to a compiler as it is, since it may be a symbol."""
    if type(value) is float:
        return value
    compiled = torch.compiler.is_compiling()
    if compiled:
        known(function, name, value)
    if isinstance(value, (bool, np.bool)) or not isinstance(value, _SYMBOLS if compiled else numbers.Real):
        remedy = of_tensor if isinstance(value, torch.Tensor) else remedy
        raise ArgumentTypeError(f"{function}: `{name}` must be a number, got {shown(value)}; {remedy}")
    if compiled:
        return value
    try:
        return float(value)
    except OverflowError:  # more digits than a float has
        return math.inf


def check_activation(activation: Any, names: Names) -> None:
    """Raise where it is neither a spec nor None."""
    if not (activation is None or isinstance(activation, str | Spec)):
        raise ArgumentTypeError(
            f"{names.function}: `activation` must be a spec such as 'relu', got {instead_of(activation)}"
        )


def dim_of(dim: Any, names: Names) -> Any:
    """An integer."""
    if isinstance(dim, bool) or not isinstance(dim, int | numbers.Integral):
        raise ArgumentTypeError(
            f"{names.function}: `dim` must be an integer, got {shown(dim)}; 1 is that of channels in (N, C, ...)"
        )
    return dim if isinstance(dim, int) else int(dim)


def axis_of(x: Any, bias: Any, dim: Any, names: Names) -> int:
    """The axis of the bias, counted from the front; raises where the arguments do not go together."""
    if not (isinstance(x, torch.Tensor) and x.dtype in DTYPES and _dense(x)):
        raise _wrong_tensor(x, names)
    if type(dim) is not int:
        dim = dim_of(dim, names)
    if bias is None:
        return 0
    function, dims = names.function, x.dim()
    if not isinstance(bias, torch.Tensor):
        raise ArgumentTypeError(
            f"{function}: `{names.bias}` must be a tensor or None, got {shown(bias)}; write torch.as_tensor(...)"
        )
    if not -dims <= dim < dims:
        remedy = f"give one from {-dims} to {dims - 1}" if dims else "add a bias to a number yourself"
        raise ArgumentError(
            f"{function}: `dim` must be a dimension of {names.x}, {tuple(x.shape)}, got {shown(dim)}; {remedy}"
        )
    axis: int = dim % dims
    if not _dense(bias):
        raise _not_dense(bias, function, names.bias)
    if bias.dim() != 1 or bias.shape[0] != x.shape[axis]:
        raise ArgumentError(
            f"{function}: `{names.bias}` must have shape ({x.shape[axis]},), as dimension {dim} of {names.x}, "
            f"{tuple(x.shape)}, got {tuple(bias.shape)}"
        )
    if bias.dtype != x.dtype and bias.dtype != torch.float32:
        raise ArgumentTypeError(
            f"{function}: `{names.bias}` must be of float32 or {names.x}'s dtype, {x.dtype}, got {bias.dtype}; "
            "cast it"
        )
    if bias.device != x.device:
        raise ArgumentError(
            f"{function}: `{names.bias}` must be on {names.x}'s device, {x.device}, got {bias.device}; move it there"
        )
    return axis


def _dense(tensor: torch.Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.is_nested


def _wrong_tensor(x: Any, names: Names) -> ArgumentTypeError:
    if isinstance(x, torch.Tensor) and x.dtype in DTYPES:
        return _not_dense(x, names.function, names.x)
    given, remedy = shown(x), "write torch.as_tensor(...)"
    if isinstance(x, torch.Tensor):
        cast = "real" if x.dtype.is_complex else "dequantize()" if x.is_quantized else "float()"
        given, remedy = str(x.dtype), f"give {names.x}.{cast}"
    return ArgumentTypeError(
        f"{names.function}: `{names.x}` must be a tensor of {_FLOATING}, got {given}; {remedy}"
    )


def _not_dense(tensor: torch.Tensor, function: str, name: str) -> ArgumentTypeError:
    given, remedy = str(tensor.layout), f"give {name}.to_dense()"
    if tensor.is_nested:
        given, remedy = "a nested tensor", "give it padded"
    return ArgumentTypeError(f"{function}: `{name}` must be dense, got {given}; {remedy}")


def features(function: str, name: str, value: Any) -> int:
    """How long a layer's bias is."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ArgumentTypeError(
            f"{function}: `{name}` must be an integer, got {shown(value)}; it is the size of the input along the bias"
        )
    if not 1 <= int(value) < 2**63:
        raise ArgumentError(f"{function}: `{name}` must be at least 1, and an int64, got {shown(value)}")
    return int(value)


def check_place(function: str, device: Any, dtype: Any) -> None:
    """Raise where a layer's bias cannot be of a dtype or on a device."""
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype in DTYPES):
        raise ArgumentTypeError(
            f"{function}: `dtype` must be torch's {_FLOATING}, or None, got {shown(dtype)}"
        )
    if device is None:
        return
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"{function}: `device` must be one that torch has here, such as 'cpu', got {shown(device)}: "
            f"{one_line(error)}"
        ) from None
