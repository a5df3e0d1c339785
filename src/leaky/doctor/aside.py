"""Computing beside a model's own forward and backward, unseen by its modes."""

from __future__ import annotations

from typing import Any

import torch


class Aside:
    """No gradients, no function modes, and tensors that outlive an inference mode."""

    def __enter__(self) -> None:
        self._functions = torch._C.DisableTorchFunction()
        self._functions.__enter__()
        self._inference = torch.inference_mode(False)
        self._inference.__enter__()
        self._grad = torch.no_grad()
        self._grad.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._grad.__exit__(*error)
        self._inference.__exit__(*error)
        self._functions.__exit__(*error)
