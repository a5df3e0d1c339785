"""Computing beside a model's own forward and backward, unseen by its modes."""

from __future__ import annotations

from typing import Any

import torch


class Aside:
    """No gradients, no function modes, and tensors that outlive an inference mode."""

    def __enter__(self) -> None:
        self._functions = torch._C.DisableTorchFunction()
        self._functions.__enter__()
        self._inference: Any = None
        if torch.is_inference_mode_enabled():
            self._inference = torch.inference_mode(False)
            self._inference.__enter__()
        self._learns = torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)

    def __exit__(self, *error: Any) -> None:
        torch._C._set_grad_enabled(self._learns)
        if self._inference is not None:
            self._inference.__exit__(*error)
        self._functions.__exit__(*error)
