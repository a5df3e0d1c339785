"""torch's fast paths of attention, which it does not take while a function mode is on, and which round otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import _get_current_function_mode, _pop_mode_temporarily


@contextmanager
def unseen(mode: type) -> Iterator[None]:
    """Without the innermost function mode, if it is one of this type."""
    if type(_get_current_function_mode()) is mode:
        with _pop_mode_temporarily():
            yield
    else:
        yield


def runs_fast(module: torch.nn.Module, args: Any) -> bool:
    """Whether torch may run all of a Transformer encoder, its activations included, as one operation."""
    if module.training or not isinstance(
        module, torch.nn.TransformerEncoder | torch.nn.TransformerEncoderLayer
    ):
        return False
    tensors = (*(x for x in args if isinstance(x, torch.Tensor)), *module.parameters())
    return not torch.is_grad_enabled() or not any(x.requires_grad for x in tensors)
