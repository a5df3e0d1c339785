"""`BatchNormAct1d/2d/3d` and `InstanceNormAct1d/2d/3d`."""

from __future__ import annotations

import inspect

import torch

from leaky.nn.norm_act import DEFAULT, NormActModule, empty_statistics
from leaky.nn.norm_torch import Norm


class BatchNormActModule(NormActModule):
    """Statistics over the batch."""

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
        mean, var = empty_statistics(channels, x)
        if not (self.training and self.track_running_stats):
            return Norm(mean, var, self.eps, groups=0, given=False)
        return Norm(mean, var, self.eps, 0, False, known, self._factor())

    def _factor(self) -> float:
        """How far running statistics move towards this call's, which is counted."""
        seen = self._buffers["num_batches_tracked"]
        if seen is not None:
            seen.add_(1)
            if self.momentum is None:
                return 1.0 / float(seen)
        return 0.0 if self.momentum is None else self.momentum


class InstanceNormActModule(NormActModule):
    """Statistics of each channel of each sample."""

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
        mean, var = empty_statistics(x.shape[0] * x.shape[1], x)
        return Norm(mean, var, self.eps, groups=x.shape[1], given=False)

    @torch.no_grad()
    def _record(self, x: torch.Tensor, norm: Norm) -> None:
        """Running statistics move towards the mean of the samples' own, the variance's unbiased."""
        if self._buffers["running_mean"] is None or norm.given:
            return
        factor = 0.0 if self.momentum is None else self.momentum
        count = x[0, 0].numel()
        for running, seen, correction in (
            (self.running_mean, norm.mean, 1.0),
            (self.running_var, norm.var, count / (count - 1)),
        ):
            if running is not None:
                mean = seen.view(len(x), -1).mean(0).to(running.dtype)
                running.mul_(1 - factor).add_(mean, alpha=factor * correction)


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


def _derive(kind: str, dim: int) -> type[NormActModule]:
    norm, name = f"{kind}{dim}d", f"{kind}Act{dim}d"
    base = BatchNormActModule if kind == "BatchNorm" else InstanceNormActModule
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
