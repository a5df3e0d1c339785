"""`InstanceNormAct1d/2d/3d`."""

from __future__ import annotations

import torch

from leaky.nn.norms.base import NormActModule
from leaky.nn.norms.derived import derived
from leaky.nn.norms.statistics import Norm, empty_statistics


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


InstanceNormAct1d, InstanceNormAct2d, InstanceNormAct3d = (
    derived(InstanceNormActModule, "InstanceNorm", dim, unbatched=True) for dim in (1, 2, 3)
)
