"""`BatchNormAct1d/2d/3d`."""

from __future__ import annotations

import torch

from leaky.nn.norms.base import NormActModule
from leaky.nn.norms.derived import derived
from leaky.nn.norms.statistics import Norm, empty_statistics


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


BatchNormAct1d, BatchNormAct2d, BatchNormAct3d = (
    derived(BatchNormActModule, "BatchNorm", dim) for dim in (1, 2, 3)
)
