"""Normalisation followed by its activation, keeping one tensor for backward instead of two.

The classes subclass the torch norm: same arguments, parameters, buffers and `state_dict`, weights that mean the same,
so checkpoints load both ways. `activation` is the only addition. Here is what they share; the classes themselves are
in `batch`, `instance`, `group` and `sync`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from leaky.catalogue import Spec, parse
from leaky.errors import ArgumentError
from leaky.kernels import native
from leaky.kernels.select import DTYPES, TENSORS, Choice, Kernel, forced, missing, refuse, serving
from leaky.nn import functional
from leaky.nn.layout import layout_of
from leaky.nn.modules import activation as activation_module
from leaky.nn.norms.kernels import run_forward
from leaky.nn.norms.ops import NormAct, lossy_channels
from leaky.nn.norms.statistics import Norm, wide_dtype
from leaky.nn.whole import whole

DEFAULT = "leaky_relu(negative_slope=0.01)"


@whole
class NormActModule(torch.nn.Module):
    """A norm and its activation; `_plan` says which statistics a call takes, and where they go."""

    num_features: int
    eps: float
    weight: Any  # torch's norms say Parameter, and None where there is none
    bias: Any
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
        if slope is None:
            missing(f"a norm with {self.activation}", input)
            return self._composed(input)
        kernels = self._serving(input, vectors)[0]
        if kernels is None:
            return self._composed(input)
        self._check_input_dim(input)
        if input.dim() == self._unbatched:
            return self._fused(input[None], vectors, slope, kernels)[0]
        return self._fused(input, vectors, slope, kernels)

    def _vectors(self) -> _Vectors:
        """Weight, bias and running statistics, each fetched once a call: torch.nn.Module finds them slowly."""
        own: dict[str, torch.nn.Parameter | None] = self._parameters
        plain = "weight" in own and "bias" in own  # else parametrized
        weight, bias = (own["weight"], own["bias"]) if plain else (self.weight, self.bias)
        return weight, bias, self._buffers.get("running_mean"), self._buffers.get("running_var")

    def _fused(self, x: torch.Tensor, vectors: _Vectors, slope: float, kernels: Any) -> torch.Tensor:
        weight, bias, running_mean, running_var = vectors
        norm = self._plan(x, running_mean, running_var)
        if kernels is not norm.kernels:
            norm = norm._replace(kernels=kernels)
        if torch.is_grad_enabled() and (
            x.requires_grad
            or (weight is not None and weight.requires_grad)
            or (bias is not None and bias.requires_grad)
        ):
            y: torch.Tensor = NormAct.apply(x, weight, bias, norm, slope)[0]
        else:
            y = run_forward(x, weight, bias, norm, slope, layout_of(x))
        self._record(x, norm)
        return y

    def _composed(self, x: torch.Tensor) -> torch.Tensor:
        """The torch norm and then the activation, in place: backward of the norm needs its input, not its output."""
        z = self._normalised(x)
        match self.negative_slope:
            case None:
                result: torch.Tensor = activation_module(self.activation)(z)
                return result
            case 0.0:
                return functional.relu(z, inplace=True)
            case slope:
                return functional.leaky_relu(z, slope, inplace=slope >= 0)

    def _normalised(self, x: torch.Tensor) -> torch.Tensor:
        """What the torch norm makes of `x`."""
        z: torch.Tensor = super().forward(x)
        return z

    def _serving(self, x: torch.Tensor, vectors: _Vectors) -> tuple[Any, str]:
        """The module whose kernels serve `x`; or None, and why. Raises where kernels are asked for, and cannot."""
        kernels, reason = serving("norm_act", x, small=self._small)
        if kernels is None:
            return None, reason
        axis, features = 0 if x.dim() == self._unbatched else 1, self._channels()
        if x.dim() <= axis or x.shape[axis] != features:
            return (
                None,
                f"the input does not have {features} channels",
            )  # torch has the words for what follows
        unsuited = self._unsuited(x, vectors)
        if unsuited is None:
            return kernels, ""
        if forced():
            refuse(unsuited)
        return None, unsuited

    def _unsuited(self, x: torch.Tensor, vectors: _Vectors) -> str | None:
        """Why torch is left to do with `x`, or this module's tensors, what it will."""
        if self.eps <= 0:
            return f"eps is {self.eps:g}"
        weight = vectors[0]
        if weight is not None and weight.dtype != x.dtype and (weight.dtype, x.dtype) not in _MIXED:
            return f"weights of {weight.dtype} with an input of {x.dtype}"
        features = self._channels()
        for tensor in vectors:
            if tensor is not None and not (
                type(tensor) in TENSORS
                and tensor.device == x.device
                and tensor.dtype in DTYPES
                and tensor.shape == (features,)
                and tensor.is_contiguous()
            ):
                return f"the module's tensors are not plain vectors of {features} elements on {x.device}"
        return None

    def explain(self, input: torch.Tensor) -> Choice:
        """Which kernel would serve a call on `input`, why, and what it would keep for backward."""
        slope, (kernels, reason) = self.negative_slope, self._serving(input, self._vectors())
        if slope is None:
            missing(f"a norm with {self.activation}", input)
            return Choice(
                "torch", f"{self.activation} has no fused kernel", "the norm's input and what torch keeps"
            )
        if kernels is None:
            return Choice("torch", reason, "the norm's input and its own output")
        who: Kernel = "native" if kernels is native else "triton"
        if slope <= 0:
            return Choice(who, f"{self.activation} has no inverse", _INPUT)
        channels = self._channels()
        count = lossy_channels(kernels, self.weight, self.bias, channels, slope, input.dtype)
        if not count:
            return Choice(who, "the input can be read back from the output", "its own output only")
        if who == "triton":
            return Choice(who, "whether the input could be read back is known on the device", _INPUT)
        why = f"in {count} of {channels} channels |bias| / |weight| is too large to read the input back"
        keeps = _INPUT if count == channels else f"its own output and the input of {count} channels"
        return Choice(who, why, keeps)

    def extra_repr(self) -> str:
        """The norm's own, and the activation."""
        return f"{super().extra_repr()}, activation={self.activation}"

    absorbs: ClassVar[bool] = False
    """Whether it stands for a norm alone, whose activation follows and finds its work done."""
    _small: int | None = None
    """Elements below which the composition serves; None: as it is faster there."""
    _unbatched = -1
    """The rank of an input without a batch, where the norm takes one."""

    def _channels(self) -> int:
        return self.num_features

    def _check_input_dim(self, input: torch.Tensor) -> None:
        super()._check_input_dim(input)  # type: ignore[misc]

    def _plan(
        self, x: torch.Tensor, running_mean: torch.Tensor | None, running_var: torch.Tensor | None
    ) -> Norm:
        raise AssertionError("each kind of norm says which statistics it takes")

    def _record(self, x: torch.Tensor, norm: Norm) -> None:
        """Take note of the statistics of a call, where the kernels have not."""

    def _running(self, x: torch.Tensor, *running: torch.Tensor) -> Norm:
        """The running statistics as they are now: later training must not change this call's backward."""
        mean, var = (t.detach().to(wide_dtype(x), copy=True) for t in running)
        return Norm(mean, var, self.eps, groups=0, given=True)


_INPUT = "the norm's input only"
_Vectors = tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]
_MIXED = ((torch.float32, torch.bfloat16), (torch.float32, torch.float16))
"""Dtypes of weights and input that differ and go together, as in torch."""
