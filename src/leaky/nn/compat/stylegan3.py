"""StyleGAN3's op: `from leaky.nn.compat import stylegan3 as bias_act`, from torch_utils.ops before."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.overrides import has_torch_function

from leaky.errors import ArgumentError, shown, unknown_name
from leaky.nn.bias_act.arguments import Names, slope_of
from leaky.nn.bias_act.function import bias_act as _bias_act
from leaky.nn.bias_act.function import bias_act_of, leaky_bias_act
from leaky.nn.whole import unscripted

_NAMES = Names(bias="b", negative_slope="alpha")


class Act(NamedTuple):
    """One of StyleGAN's activations: leaky's entry, and the defaults of alpha and gain."""

    spec: str | None
    def_alpha: float
    def_gain: float


activation_funcs: dict[str, Act] = {
    "linear": Act(None, 0.0, 1.0),
    "relu": Act("relu", 0.0, 2**0.5),
    "lrelu": Act("leaky_relu", 0.2, 2**0.5),
    "tanh": Act("tanh", 0.0, 1.0),
    "sigmoid": Act("sigmoid", 0.0, 1.0),
    "elu": Act("elu", 0.0, 1.0),
    "selu": Act("selu", 0.0, 1.0),
    "softplus": Act("softplus", 0.0, 1.0),
    "swish": Act("silu", 0.0, 2**0.5),
}
"""What StyleGAN's networks look defaults up in: `activation_funcs["lrelu"].def_gain`."""


@unscripted
def bias_act(
    x: torch.Tensor,
    b: torch.Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
    impl: str = "cuda",
) -> torch.Tensor:
    """StyleGAN3's `bias_act` by `leaky.nn.functional.bias_act`: clamp(gain * f(x + b), -clamp, clamp).

    Args:
        x: a tensor of any shape, on any device.
        b: a vector of x.shape[dim] entries, of x's dtype or float32; or None.
        dim: of the bias; negative counts from the end, which the original refuses.
        act: linear, relu, lrelu, tanh, sigmoid, elu, selu, softplus or swish.
        alpha: slope of lrelu, a finite number, 0.2 by default; the others have none and ignore it, as the original's.
        gain: by default sqrt(2) for relu, lrelu and swish, else 1.
        clamp: above 0, or None. (The original takes 0, which makes everything 0.)
        impl: "cuda" or "ref"; the same here.

    Where the original's two ways differ from each other, this is: NaN stays NaN (as "ref"; "cuda" makes -clamp of it
    where there is a clamp), and where the value reaches the clamp the gradient is 0 (as "cuda", which asks the
    rounded output, though not of linear; "ref" passes it where it is reached exactly). Gradients of any order; the
    original has two.

    Raises:
        ArgumentError: an unknown `act` or `impl`, or what `leaky.nn.functional.bias_act` raises.
        ArgumentTypeError: an argument of another kind.

    Saved for backward and behaviour at 0 and NaN: see `leaky.nn.functional.bias_act`.

    Example:
        >>> import torch
        >>> from leaky.nn.compat.stylegan3 import bias_act
        >>> bias_act(torch.tensor([[-10.0, 3.0]]), torch.tensor([0.0, 1.0]), act="lrelu", gain=1.0)
        tensor([[-2.,  4.]])
    """
    if not (isinstance(act, str) and act in activation_funcs):
        raise unknown_name("act", str(act), activation_funcs)
    if not (isinstance(impl, str) and impl in ("cuda", "ref")):
        raise ArgumentError(
            f"bias_act: `impl` must be 'cuda' or 'ref', which are the same here, got {shown(impl)}"
        )
    spec, def_alpha, def_gain = activation_funcs[act]
    gain = def_gain if gain is None else gain
    alpha = def_alpha if alpha is None else slope_of(alpha, _NAMES)
    if act == "lrelu":
        return leaky_bias_act(x, b, alpha, gain, clamp, dim, _NAMES)
    if has_torch_function((x, b)):
        return _bias_act(x, b, activation=spec, gain=gain, clamp=clamp, dim=dim)
    return bias_act_of(x, b, spec, gain, clamp, dim, _NAMES)
