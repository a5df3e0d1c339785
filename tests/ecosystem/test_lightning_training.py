"""Lightning's Trainer on a lean model: precision, accumulation, clipping, checkpoints."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from side_by_side import images, made, needs_native
from torch import Tensor, nn
from torch.utils.data import DataLoader

pytest.importorskip("lightning", reason="Lightning is not installed: pip install 'leaky[lightning]'")

import lightning.pytorch as pl

import leaky

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:.*{said}") for said in ("num_workers", "is deprecated", "LeafSpec")
]
BATCHES = images(6, 2, 3, 32, 32)


class Module(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.1),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.AvgPool2d(2),
            nn.Conv2d(8, 2, 1),
        )
        self.losses: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        loss = self(batch).float().square().mean()
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


class MadeLean(pl.Callback):
    """As a user would do it who has the batches in the Trainer only: before the first step."""

    def on_train_start(self, trainer: Any, module: Any) -> None:
        leaky.lean(module.net, BATCHES[0])


def fit(module: Module, folder: Path, **options: Any) -> pl.Trainer:
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", devices=1, logger=False, default_root_dir=folder, enable_progress_bar=False,
        enable_model_summary=False, **options,
    )  # fmt: skip
    trainer.fit(module, DataLoader(BATCHES, batch_size=None))
    return trainer


OPTIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "bfloat16": {"precision": "bf16-mixed"},
    "accumulation and clipping": {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1},
}


@needs_native
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("when", ["before", "in a callback"])
def test_the_trainer(tmp_path: Path, options: Any, when: str) -> None:
    plain, lean = made(Module), made(Module)
    fit(plain, tmp_path, enable_checkpointing=False, **options)
    if when == "before":
        leaky.lean(lean, BATCHES[0])
    fit(
        lean,
        tmp_path,
        enable_checkpointing=False,
        callbacks=[MadeLean()] if when != "before" else None,
        **options,
    )
    assert any(type(module).__name__.startswith("Absorbing") for module in lean.modules())
    assert len(plain.losses) == len(BATCHES)
    assert lean.losses == pytest.approx(plain.losses, rel=0.01 if "precision" in options else 1e-4)


@needs_native
def test_checkpoints_load_both_ways_and_resume(tmp_path: Path) -> None:
    lean = made(Module)
    leaky.lean(lean, BATCHES[0])
    trainer = fit(lean, tmp_path, enable_checkpointing=False)
    trainer.save_checkpoint(tmp_path / "lean.ckpt")
    plain = Module.load_from_checkpoint(tmp_path / "lean.ckpt", weights_only=True)
    assert plain.state_dict().keys() == lean.state_dict().keys()
    assert torch.equal(plain.net[0].weight, lean.net[0].weight)
    assert leaky.unlean(lean)
    for one in (plain.train(), lean.train()):
        one.losses.clear()
        fit(one, tmp_path, enable_checkpointing=False)
    assert lean.losses == pytest.approx(plain.losses, rel=1e-5)
