"""Classes of norm and activation derived from torch's norms of one to three dimensions of space."""

from __future__ import annotations

import inspect

import torch

from leaky.nn.norms.base import DEFAULT, NormActModule

_DOCSTRING = """torch.nn.{norm} followed by an activation, in one pass, keeping one tensor for backward, not two.

y = f(weight * (x - mean) / sqrt(var + eps) + bias), f the activation; f'(0) is the left side's, NaN stays NaN.

Arguments are those of torch.nn.{norm}, and `activation`, a spec (keyword only, default
"leaky_relu(negative_slope=0.01)"). Parameters, buffers and state_dict are the norm's own. Takes float64, float32,
bfloat16 and float16 (statistics in float32), contiguous or channels last.

Saved for backward, on the CPU with the native kernels: the output alone, which the next layer mostly keeps anyway;
in addition the input of those channels where |bias| > 3 |weight|, or weight is (almost) 0, and it could not be read
back from the output without loss. With a slope of 0 or below (ReLU), and on a GPU with the kernels in Triton, the
norm's input alone. Elsewhere the norm's input and the output. `explain(input)` tells which. Where the output is kept
it must not be changed in place before backward.

Functions that rewrite torch's norms (`SyncBatchNorm.convert_sync_batchnorm`, `fuse_conv_bn_eval`) take this layer
for a norm alone and would drop the activation: use them on a norm and an activation made lean by `leaky.lean`.

Raises ArgumentError for an activation that learns (PReLU).

Example:
    >>> import torch, leaky
    >>> layer = leaky.nn.{name}({features}activation="leaky_relu(negative_slope=0.1)")
    >>> layer(torch.randn({shape})).shape
    torch.Size([{shape}])

Source: Rota Bulò, Porzi, Kontschieder 2018: In-Place Activated BatchNorm for Memory-Optimized Training of DNNs. CVPR.
"""


def derived(
    base: type[NormActModule], kind: str, dim: int, *, unbatched: bool = False
) -> type[NormActModule]:
    """The class of `base` and torch.nn's norm of a kind and dimension; `unbatched`: takes a single sample too."""
    norm, name = f"{kind}{dim}d", f"{kind}Act{dim}d"
    twin = getattr(torch.nn, norm)
    signature = inspect.signature(twin)
    spec = inspect.Parameter("activation", inspect.Parameter.KEYWORD_ONLY, default=DEFAULT, annotation=str)
    doc = _DOCSTRING.format(norm=norm, name=name, features="4, ", shape=", ".join(["2", "4", *["8"] * dim]))
    members = {
        "__doc__": doc,
        "__module__": base.__module__,
        "__signature__": signature.replace(parameters=[*signature.parameters.values(), spec]),
        "_unbatched": dim + 1 if unbatched else -1,
    }
    return type(name, (base, twin), members)
