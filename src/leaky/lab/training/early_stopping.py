"""Early stopping: the weights of the best epoch are kept, and training ends when it stays the best for long."""

from __future__ import annotations

import torch


class EarlyStopping:
    """Watches validation scores over the epochs; `patience` epochs without a better one end the run.

    A score that is None (not finite) is never better. With `patience` 0 nothing is watched and nothing kept.
    """

    def __init__(self, patience: int, *, higher_is_better: bool) -> None:
        self._patience = patience
        self._sign = 1 if higher_is_better else -1
        self._best: float | None = None
        self._weights: dict[str, torch.Tensor] = {}
        self._epoch = 0
        self._waited = 0

    def after_epoch(self, epoch: int, score: float | None, model: torch.nn.Module) -> bool:
        """Take note of an epoch's score; True where training should end."""
        if not self._patience:
            return False
        if score is not None and (self._best is None or self._sign * score > self._sign * self._best):
            self._best, self._epoch, self._waited = score, epoch, 0
            self._weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        else:
            self._waited += 1
        return self._waited >= self._patience

    def restore(self, model: torch.nn.Module) -> int | None:
        """Put the best epoch's weights back and return its number; None where none was kept."""
        if not self._weights:
            return None
        model.load_state_dict(self._weights)
        return self._epoch
