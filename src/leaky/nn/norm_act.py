"""Normalisation followed by its activation, keeping one tensor for backward instead of two.

`BatchNormAct1d/2d/3d` and `InstanceNormAct1d/2d/3d` subclass the torch norm: same arguments, parameters, buffers
and `state_dict`, weights that mean the same, so checkpoints load both ways. `activation` is the only addition.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch

from leaky.catalogue import Spec, parse
from leaky.errors import ArgumentError
from leaky.kernels.select import DTYPES, TENSORS, Choice, why_not_native
from leaky.nn import functional
from leaky.nn.modules import activation as activation_module
from leaky.nn.norm_ops import NormAct, layout_of, lossy_channels, run_forward
from leaky.nn.norm_torch import Norm

DEFAULT = "leaky_relu(negative_slope=0.01)"


class _NormAct(torch.nn.Module):
    """What the six classes share; `_plan` says which statistics this call takes, and where they go."""

    num_features: int
    eps: float
    weight: torch.Tensor | None
    bias: torch.Tensor | None
    running_mean: torch.Tensor | None
    running_var: torch.Tensor | None
    momentum: float | None
    training: bool
    track_running_stats: bool
    activation: Spec

    def __init__(self, *args: Any, activation: str | Spec = DEFAULT, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        spec = parse(activation)
        if any(parameter.learned for parameter in spec.activation.parameters):
            raise ArgumentError(
                f"{type(self).__name__}: `activation` must not learn, got {spec}; use a norm and leaky.nn.PReLU"
            )
        self.activation = spec

    @property
    def negative_slope(self) -> float | None:
        """The slope, 0 for ReLU; None for activations that have no fused kernel."""
        entry, values = self.activation.activation, self.activation.values
        if entry.parameters and entry.parameters[0].name == "negative_slope":
            return float(values[0])
        return 0.0 if entry.name == "relu" else None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """activation(norm(input))."""
        vectors, slope = self._vectors(), self.negative_slope
        if slope is None or self._why_not_native(input, vectors) is not None:
            return self._composed(input)
        self._check_input_dim(input)
        if input.dim() == self._unbatched:
            return self._fused(input[None], vectors, slope)[0]
        return self._fused(input, vectors, slope)

    def _vectors(self) -> _Vectors:
        """Weight, bias and running statistics, each fetched once a call: torch.nn.Module finds them slowly."""
        own: dict[str, torch.nn.Parameter | None] = self._parameters
        plain = "weight" in own and "bias" in own  # else parametrized
        weight, bias = (own["weight"], own["bias"]) if plain else (self.weight, self.bias)
        return weight, bias, self._buffers["running_mean"], self._buffers["running_var"]

    def _fused(self, x: torch.Tensor, vectors: _Vectors, slope: float) -> torch.Tensor:
        weight, bias, running_mean, running_var = vectors
        norm = self._plan(x, running_mean, running_var)
        if torch.is_grad_enabled() and (
            x.requires_grad
            or (weight is not None and weight.requires_grad)
            or (bias is not None and bias.requires_grad)
        ):
            y: torch.Tensor = NormAct.apply(x, weight, bias, norm, slope)[0]  # type: ignore[no-untyped-call]
        else:
            y = run_forward(x, weight, bias, norm, slope, layout_of(x))
        if norm.per_instance and running_mean is not None and not norm.given:
            self._record(x, norm)
        return y

    def _composed(self, x: torch.Tensor) -> torch.Tensor:
        """The torch norm and then the activation, in place: backward of the norm needs its input, not its output."""
        z: torch.Tensor = super().forward(x)
        match self.negative_slope:
            case None:
                result: torch.Tensor = activation_module(self.activation)(z)
                return result
            case 0.0:
                return functional.relu(z, inplace=True)
            case slope:
                return functional.leaky_relu(z, slope, inplace=slope >= 0)

    def _why_not_native(self, x: torch.Tensor, vectors: _Vectors) -> str | None:
        reason = why_not_native(x, _SMALL)
        if reason is not None:
            return reason
        axis, shape, features = 0 if x.dim() == self._unbatched else 1, x.shape, self.num_features
        if len(shape) <= axis or shape[axis] != features:
            return "the input does not have num_features channels"  # torch has the words for what follows
        if self.eps <= 0:
            return f"eps is {self.eps:g}"
        weight = vectors[0]
        if weight is not None and weight.dtype != x.dtype and (weight.dtype, x.dtype) not in _MIXED:
            return f"weights of {weight.dtype} with an input of {x.dtype}"
        whole = (features,)
        for tensor in vectors:
            if tensor is not None and not (
                type(tensor) in TENSORS
                and tensor.is_cpu
                and tensor.dtype in DTYPES
                and tensor.shape == whole
                and tensor.is_contiguous()
            ):
                return "the module's tensors are not plain CPU vectors of num_features elements"
        return None

    def explain(self, input: torch.Tensor) -> Choice:
        """Which kernel would serve a call on `input`, why, and what it would keep for backward."""
        slope, reason = self.negative_slope, self._why_not_native(input, self._vectors())
        if slope is None:
            return Choice(
                "torch", f"{self.activation} has no fused kernel", "the norm's input and what torch keeps"
            )
        if reason is not None:
            return Choice("torch", reason, "the norm's input and its own output")
        if slope <= 0:
            return Choice("native", f"{self.activation} has no inverse", "the norm's input only")
        channels = self.num_features
        count = lossy_channels(self.weight, self.bias, channels, slope, input.dtype)
        if not count:
            return Choice("native", "the input can be read back from the output", "its own output only")
        why = f"in {count} of {channels} channels |bias| / |weight| is too large to read the input back"
        keeps = (
            "the norm's input only"
            if count == channels
            else f"its own output and the input of {count} channels"
        )
        return Choice("native", why, keeps)

    def extra_repr(self) -> str:
        """The norm's own, and the activation."""
        return f"{super().extra_repr()}, activation={self.activation}"

    _unbatched = -1

    def _check_input_dim(self, input: torch.Tensor) -> None:
        super()._check_input_dim(input)  # type: ignore[misc]

    def _plan(
        self, x: torch.Tensor, running_mean: torch.Tensor | None, running_var: torch.Tensor | None
    ) -> Norm:
        raise AssertionError("the two kinds of norm say which statistics they take")

    @torch.no_grad()
    def _record(self, x: torch.Tensor, norm: Norm) -> None:
        """Running statistics move towards the mean of the samples' own, the variance's unbiased."""
        factor = 0.0 if self.momentum is None else self.momentum
        count = x[0, 0].numel()
        for running, seen, correction in (
            (self.running_mean, norm.mean, 1.0),
            (self.running_var, norm.var, count / (count - 1)),
        ):
            if running is not None:
                mean = seen.view(len(x), -1).mean(0).to(running.dtype)
                running.mul_(1 - factor).add_(mean, alpha=factor * correction)

    def _running(self, x: torch.Tensor, *running: torch.Tensor) -> Norm:
        """The running statistics as they are now: later training must not change this call's backward."""
        mean, var = (t.detach().to(_wide(x), copy=True) for t in running)
        return Norm(mean, var, self.eps, per_instance=False, given=True)


def _wide(x: torch.Tensor) -> torch.dtype:
    """The dtype of statistics."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _empty_statistics(count: int, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    wide = _wide(x)
    return torch.empty(count, dtype=wide), torch.empty(count, dtype=wide)


_Vectors = tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]
_MIXED = ((torch.float32, torch.bfloat16), (torch.float32, torch.float16))
"""Dtypes of weights and input that differ and go together, as in torch."""
_SMALL = 256
"""Elements below which the composition is faster than the fused kernel."""


class _BatchNormAct(_NormAct):
    num_batches_tracked: torch.Tensor | None

    def _plan(
        self, x: torch.Tensor, running_mean: torch.Tensor | None, running_var: torch.Tensor | None
    ) -> Norm:
        known = None if running_mean is None or running_var is None else (running_mean, running_var)
        if known and not self.training:
            return self._running(x, *known)
        channels = self.num_features
        if x.numel() == channels:  # one value per channel: torch has the words
            torch.nn.functional._verify_batch_size(x.size())  # type: ignore[attr-defined]
        mean, var = _empty_statistics(channels, x)
        if not (self.training and self.track_running_stats):
            return Norm(mean, var, self.eps, per_instance=False, given=False)
        factor = 0.0 if self.momentum is None else self.momentum
        seen = self._buffers["num_batches_tracked"]
        if seen is not None:
            seen.add_(1)
            if self.momentum is None:
                factor = 1.0 / float(seen)
        return Norm(mean, var, self.eps, False, False, known, factor)


class _InstanceNormAct(_NormAct):
    def _plan(
        self, x: torch.Tensor, running_mean: torch.Tensor | None, running_var: torch.Tensor | None
    ) -> Norm:
        if (
            not self.training
            and self.track_running_stats
            and running_mean is not None
            and running_var is not None
        ):
            return self._running(x, running_mean, running_var)
        torch.nn.functional._verify_spatial_size(x.size())  # type: ignore[attr-defined]
        mean, var = _empty_statistics(x.shape[0] * x.shape[1], x)
        return Norm(mean, var, self.eps, per_instance=True, given=False)


_DOCSTRING = """torch.nn.{norm} followed by an activation, in one pass, keeping one tensor for backward, not two.

y = f(weight * (x - mean) / sqrt(var + eps) + bias), f the activation; f'(0) is the left side's, NaN stays NaN.

Arguments are those of torch.nn.{norm}, and `activation`, a spec (keyword only, default
"leaky_relu(negative_slope=0.01)"). Parameters, buffers and state_dict are the norm's own. Takes float64, float32,
bfloat16 and float16 (statistics in float32), contiguous or channels last.

Saved for backward, on the CPU with the native kernels: the output alone, which the next layer mostly keeps anyway;
in addition the input of those channels where |bias| > 3 |weight|, or weight is (almost) 0, and it could not be read
back from the output without loss. With a slope of 0 or below (ReLU) the norm's input alone. Elsewhere the norm's
input and the output. `explain(input)` tells which. The output must not be changed in place before backward.

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


def _derive(kind: str, dim: int) -> type[torch.nn.Module]:
    norm, name = f"{kind}{dim}d", f"{kind}Act{dim}d"
    base = _BatchNormAct if kind == "BatchNorm" else _InstanceNormAct
    twin = getattr(torch.nn, norm)
    signature = inspect.signature(twin)
    spec = inspect.Parameter("activation", inspect.Parameter.KEYWORD_ONLY, default=DEFAULT, annotation=str)
    doc = _DOCSTRING.format(norm=norm, name=name, features="4, ", shape=", ".join(["2", "4", *["8"] * dim]))
    members = {
        "__doc__": doc,
        "__module__": __name__,
        "__signature__": signature.replace(parameters=[*signature.parameters.values(), spec]),
        "_unbatched": dim + 1 if kind == "InstanceNorm" else -1,
    }
    return type(name, (base, twin), members)


BatchNormAct1d, BatchNormAct2d, BatchNormAct3d = (_derive("BatchNorm", dim) for dim in (1, 2, 3))
InstanceNormAct1d, InstanceNormAct2d, InstanceNormAct3d = (_derive("InstanceNorm", dim) for dim in (1, 2, 3))
