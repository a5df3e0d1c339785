"""`SyncBatchNormAct`, and the twin of torch's converter."""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed
from torch.nn.modules._functions import SyncBatchNorm as TorchFunction
from torch.nn.modules.batchnorm import _BatchNorm

from leaky.catalogue import Spec
from leaky.nn.norms.base import DEFAULT
from leaky.nn.norms.batch import BatchNormActModule
from leaky.nn.norms.ranks import Ranks
from leaky.nn.norms.statistics import Norm, empty_statistics


class SyncBatchNormAct(BatchNormActModule, _BatchNorm):
    """torch.nn.SyncBatchNorm followed by an activation, keeping one tensor for backward, not two, on CPUs too.

    y = f(weight * (x - mean) / sqrt(var + eps) + bias), f the activation, mean and var those of a channel over the
    batches of all processes of a group, which may differ in size and be empty; f'(0) is the left side's, NaN stays
    NaN.

    While training in more than one process, each call gathers mean, variance and count of every rank, and each
    backward adds up two sums per channel, so that outputs and gradients of inputs are those of one batch. Gradients
    of weights are this rank's part: DistributedDataParallel averages them. In eval mode, without torch.distributed
    and in a group of one it is a BatchNormAct.

    Args:
        num_features: C of the input (N, C, *).
        eps, momentum, affine, track_running_stats, device, dtype, bias: as in torch.nn.BatchNorm2d.
        process_group: whose ranks take part; None: all. Every rank of it must call the layer as often, with inputs of
            one dtype and kind of device, and take as many backward passes.
        activation: a spec, keyword only.

    Parameters, buffers and state_dict are those of torch.nn.SyncBatchNorm, the class is not: DistributedDataParallel
    refuses that one on CPUs. `leaky.nn.convert_sync_batchnorm` puts it in the place of every BatchNormAct; torch's
    own converter would put a norm without activation there.

    Saved for backward: what BatchNormAct2d keeps, with the native kernels on a CPU and on a GPU with those in Triton.
    Without them torch's own SyncBatchNorm runs on a GPU, with the activation in place: the norm's input and the
    output. `explain(input)` tells which. Double backward works (every order takes collectives of its own), except
    with torch's own. It compiles as one graph on CPUs.

    Raises ArgumentError for an activation that learns (PReLU); ValueError, as torch, for an input of fewer than two
    dims, without channels, or with one value per channel in a group of one.

    Example:
        >>> import torch, leaky
        >>> layer = leaky.nn.SyncBatchNormAct(4, activation="leaky_relu(negative_slope=0.1)")
        >>> layer(torch.randn(2, 4, 8, 8)).shape
        torch.Size([2, 4, 8, 8])

    Source: Ioffe, Szegedy 2015: Batch Normalization. ICML. Rota Bulò, Porzi, Kontschieder 2018: In-Place Activated
    BatchNorm for Memory-Optimized Training of DNNs. CVPR.
    """

    _small = 0  # ranks with little to do must take the same collectives as the others

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
        activation: str | Spec = DEFAULT,
    ) -> None:
        super().__init__(
            num_features,
            eps,
            momentum,
            affine,
            track_running_stats,
            device=device,
            dtype=dtype,
            bias=bias,
            activation=activation,
        )
        self.process_group = process_group

    def _check_input_dim(self, input: torch.Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")
        if input.shape[1] == 0:
            raise ValueError("SyncBatchNormAct number of input channels should be non-zero")

    def _ranks(self) -> Ranks | None:
        """Who else takes part in this call; None where nobody does."""
        if not (self.training and distributed.is_available() and distributed.is_initialized()):
            return None
        ranks = Ranks(self.process_group or distributed.group.WORLD)
        return ranks if ranks.size > 1 else None

    def _plan(
        self, x: torch.Tensor, running_mean: torch.Tensor | None, running_var: torch.Tensor | None
    ) -> Norm:
        ranks = self._ranks()
        if ranks is None:
            return super()._plan(x, running_mean, running_var)
        return Norm(*empty_statistics(self.num_features, x), self.eps, 0, False, ranks=ranks)

    def _record(self, x: torch.Tensor, norm: Norm) -> None:
        if norm.ranks is not None:
            self._move(norm.mean, norm.var, norm.ranks.total)

    @torch.no_grad()
    def _move(self, mean: torch.Tensor, var: torch.Tensor, total: torch.Tensor) -> None:
        """Running statistics move towards those of all ranks, the variance's unbiased."""
        if not self.track_running_stats:
            return
        factor = self._factor()
        unbiased = var * (total / (total - 1).clamp(min=1)).to(var.dtype)
        for running, seen in ((self.running_mean, mean), (self.running_var, unbiased)):
            if running is not None:
                running.mul_(1 - factor).add_(seen.to(running.dtype), alpha=factor)

    def _normalised(self, x: torch.Tensor) -> torch.Tensor:
        self._check_input_dim(x)
        ranks = self._ranks()
        if ranks is None:
            return super()._normalised(x)
        if x.device.type == "cpu":
            z, mean, var, total = ranks.normalised(x, self.weight, self.bias, self.eps)
            self._move(mean, var, total)
            return z
        tracked = (self.running_mean, self.running_var) if self.track_running_stats else (None, None)
        factor = self._factor() if self.track_running_stats else 0.0
        result: torch.Tensor = TorchFunction.apply(
            x, self.weight, self.bias, *tracked, self.eps, factor, ranks.group, ranks.size
        )
        return result


def convert_sync_batchnorm(module: torch.nn.Module, process_group: Any = None) -> torch.nn.Module:
    """As torch.nn.SyncBatchNorm.convert_sync_batchnorm, and every BatchNormAct keeps its activation.

    A BatchNormAct1d, 2d or 3d becomes a SyncBatchNormAct, any other BatchNorm what torch makes of it, a
    torch.nn.SyncBatchNorm. Parameters and buffers are the same tensors. A BatchNorm that `leaky.lean` has fused with
    its activation becomes a torch.nn.SyncBatchNorm that the activation follows: convert first, then make lean.

    Args:
        module: a model, changed in place, or a norm.
        process_group: whose ranks take part; None: all.

    Returns:
        The model; where it is itself a norm, its twin.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), leaky.nn.BatchNormAct2d(4, activation="relu"))
        >>> model = leaky.nn.convert_sync_batchnorm(model)
        >>> type(model[1]).__name__, str(model[1].activation)
        ('SyncBatchNormAct', 'relu')
    """
    converted = module
    if isinstance(module, BatchNormActModule) and not module.absorbs:
        converted = _synchronised(module, process_group)
    elif isinstance(module, _BatchNorm):
        made: torch.nn.Module = torch.nn.SyncBatchNorm.convert_sync_batchnorm(module, process_group)
        return made
    for name, child in module.named_children():
        converted.add_module(name, convert_sync_batchnorm(child, process_group))
    return converted


def _synchronised(norm: Any, process_group: Any) -> SyncBatchNormAct:
    converted = SyncBatchNormAct(
        norm.num_features,
        norm.eps,
        norm.momentum,
        norm.affine,
        norm.track_running_stats,
        process_group,
        device="meta",
        bias=norm.bias is not None,
        activation=norm.activation,
    )
    for name, parameter in norm._parameters.items():
        converted._parameters[name] = parameter
    for name, buffer in norm._buffers.items():
        converted._buffers[name] = buffer
    converted.training = norm.training
    if hasattr(norm, "qconfig"):
        converted.qconfig = norm.qconfig
    return converted
