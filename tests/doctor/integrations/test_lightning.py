"""The callback for Lightning, in Lightning's own Trainer."""

from __future__ import annotations

import importlib.util
import logging
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

pytest.importorskip("lightning", reason="Lightning is not installed: pip install 'leaky[lightning]'")

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers.logger import Logger

import leaky
from leaky.doctor.integrations.lightning import WatchCallback
from leaky.errors import ArgumentError

from .by_hand import RATE, SEED, data, is_watched, left_alone, net, step_by_step, told, watched

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
pytestmark = [  # Lightning's advice on how to train
    pytest.mark.filterwarnings(f"ignore:.*{said}")
    for said in (
        "validation_step",
        "callbacks used to create",
        "resuming",
        "log_every_n_steps",
        "is deprecated",
    )
]


class Module(pl.LightningModule):
    fails_at: int | None = None

    def __init__(self, inner: nn.Module | None = None) -> None:
        super().__init__()
        self.net = net() if inner is None else inner
        self.losses: list[Tensor] = []
        self.seen_watched: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Any, index: int) -> Tensor:
        x, y = batch
        self.seen_watched.append(is_watched(self))
        loss = nn.functional.mse_loss(self.net(x), y)
        if index == self.fails_at:
            raise RuntimeError("planted")
        self.losses.append(loss.detach())
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        assert not is_watched(self)
        self.log("val", nn.functional.mse_loss(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=RATE, momentum=0.9)


class Kept(Logger):
    """A logger that keeps what it was given."""

    name, version = "kept", 0

    def __init__(self) -> None:
        super().__init__()
        self.logged: list[tuple[int | None, dict[str, float]]] = []

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.logged.append((step, {k: v for k, v in metrics.items() if k.startswith("leaky_")}))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...


def loader(batches: Any) -> Any:
    """As Lightning wants it; its random numbers are its own, so that dropout's are those of the loop by hand."""
    return DataLoader(batches, batch_size=None, generator=torch.Generator())


def fit(
    module: Any, *callbacks: Any, train: Any = None, val: Any = None, path: Any = None, **options: Any
) -> pl.Trainer:
    options = {"max_epochs": 1, "logger": False, "enable_checkpointing": False, **options}
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, enable_progress_bar=False, enable_model_summary=False,
        callbacks=list(callbacks), **options,
    )  # fmt: skip
    torch.manual_seed(SEED)
    trainer.fit(module, loader(data(10) if train is None else train), val and loader(val), ckpt_path=path)
    return trainer


@pytest.mark.parametrize("accumulate", [1, 2])
def test_as_by_hand_between_validations(accumulate: int) -> None:
    """Validations before, within and after: all of them are left out."""
    module, watch = Module(), WatchCallback(every=2, verdicts=False)
    with left_alone(module.net):
        fit(
            module, watch, val=data(3, seed=2), val_check_interval=3, num_sanity_val_steps=2,
            accumulate_grad_batches=accumulate,
        )  # fmt: skip
    by_hand = watched(net(), data(10), 2, accumulate)
    assert "forward" not in vars(module)
    assert told(watch.diagnosis(), "net.") == told(by_hand)
    assert watch.diagnosis().names == ("net.1", "net.4")
    assert (by_hand.steps, by_hand.measured) == (10 // accumulate, 5 if accumulate == 1 else 3)
    assert by_hand["1"].never_active.units == (0,)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_what_is_logged_is_that_of_the_step(accumulate: int) -> None:
    kept, watch = Kept(), WatchCallback(every=3, verdicts=False)
    trainer = fit(Module(), watch, logger=kept, accumulate_grad_batches=accumulate)
    expected = step_by_step(net(), data(10), 3, accumulate)
    logged = {step: found for step, found in kept.logged if found}
    assert {
        step: {name.replace("/net.", "/"): value for name, value in found.items()}
        for step, found in logged.items()
    } == expected
    assert sorted(expected) == ([0, 3, 6, 9] if accumulate == 1 else [0, 3])
    assert set(logged[0]) == {
        f"leaky_{measure}/net.{site}"
        for measure in ("never_active", "dormant", "positive", "reach")
        for site in (1, 4)
    }  # fmt: skip
    assert logged[0]["leaky_never_active/net.1"] == logged[3]["leaky_never_active/net.1"] >= 1 / 8
    last = logged[max(logged)]
    assert {
        n: float(v) for n, v in trainer.callback_metrics.items() if n.startswith("leaky_")
    } == pytest.approx(last)


def test_early_stopping_sees_it() -> None:
    stopping = EarlyStopping("leaky_never_active/net.1", patience=1, check_on_train_epoch_end=True)
    trainer = fit(Module(), WatchCallback(every=1, verdicts=False), stopping, max_epochs=9, train=data(2))
    assert trainer.current_epoch < 9


def test_training_is_the_same_to_the_bit() -> None:
    def run(*callbacks: Any) -> list[Tensor]:
        module = Module()
        trainer = fit(
            module, *callbacks, val=data(2, seed=2), val_check_interval=2, max_epochs=2, logger=Kept()
        )
        state = trainer.optimizers[0].state_dict()["state"].values()
        return [
            *module.losses, *module.state_dict().values(), *(s["momentum_buffer"] for s in state),
            torch.get_rng_state(),
        ]  # fmt: skip

    plain, with_it = run(), run(WatchCallback(every=2, verdicts=False))
    assert len(plain) == 20 + 6 + 6 + 1
    assert all(torch.equal(a, b) for a, b in zip(plain, with_it, strict=True))


def test_between_measured_steps_there_is_nothing() -> None:
    module, watch = Module(), WatchCallback(every=4, verdicts=False)
    fit(module, watch)
    assert module.seen_watched == [step % 4 == 0 for step in range(10)]

    trainer: Any = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    watch.on_train_start(trainer, module)
    watch.on_train_batch_end(trainer, module, None, None, 0)
    assert watch._watch is not None
    watch._watch.reach(1)
    begin = time.perf_counter()
    for _ in range(100):
        watch.on_train_batch_start(trainer, module, None, 0)
        watch.on_train_batch_end(trainer, module, None, None, 0)
    assert (time.perf_counter() - begin) / 100 < 1e-3
    watch.teardown(trainer, module, "fit")


def test_a_resumed_run_keeps_the_count(tmp_path: Path) -> None:
    saving = pl.callbacks.ModelCheckpoint(tmp_path, every_n_train_steps=5, save_top_k=-1)
    first = WatchCallback(every=2, verdicts=False)
    fit(Module(), first, saving, enable_checkpointing=True, max_steps=5)
    (path,) = tmp_path.glob("*.ckpt")
    assert not any("Watch" in name for name in torch.load(path, weights_only=False)["callbacks"])
    module, second = Module(), WatchCallback(every=2, verdicts=False)
    fit(module, second, path=path)
    assert [window.step for window in first.diagnosis()["net.1"].windows] == [0, 2, 4]
    assert [window.step for window in second.diagnosis()["net.1"].windows] == [5, 6, 8]
    assert second.diagnosis().steps == 10
    fit(Module(), path=path)  # without the callback


@pytest.mark.parametrize("fails_at", [2, 3])
def test_an_exception_leaves_the_module_alone(fails_at: int) -> None:
    """In a measured step, after the forward, and in one that is not."""
    module, watch = Module(), WatchCallback(every=2)
    module.fails_at = fails_at
    with left_alone(module.net), pytest.raises(RuntimeError, match="planted"):
        fit(module, watch)
    assert not is_watched(module)
    assert watch.diagnosis().measured == 2
    leaky.watch(module).close()
    module.fails_at = None
    fit(module, watch)
    assert watch.diagnosis().measured == 5


def test_several_optimizers_are_counted_as_lightning_counts() -> None:
    class Two(Module):
        automatic_optimization = False

        def training_step(self, batch: Any, index: int) -> None:  # type: ignore[override]
            optimizers: Any = self.optimizers()
            for optimizer in optimizers:
                optimizer.zero_grad()
                self.manual_backward(super().training_step(batch, index))
                optimizer.step()

        def configure_optimizers(self) -> Any:
            return [torch.optim.SGD(part.parameters(), lr=RATE) for part in (self.net[0], self.net[3:])]

    watch = WatchCallback(every=4, verdicts=False)
    fit(Two(), watch)
    diagnosis = watch.diagnosis()
    assert (diagnosis.steps, diagnosis.measured) == (20, 5)
    assert diagnosis["net.1"].samples == 5 * 2 * 8


def test_a_batch_that_is_skipped() -> None:
    class Skips(Module):
        def on_train_batch_start(self, batch: Any, index: int) -> int | None:
            return -1 if index == 2 else None

    module, watch = Skips(), WatchCallback(every=2, verdicts=False)
    fit(module, watch, val=data(2, seed=2), max_epochs=2)
    assert watch.diagnosis()["net.1"].samples == 2 * 8
    assert not is_watched(module)


def test_a_part_alone_and_a_compiled_one() -> None:
    watch = WatchCallback(every=2, part="net", verdicts=False)
    fit(Module(), watch)
    assert watch.diagnosis().names == ("1", "4")

    compiled: Any = torch.compile(net(dropout=0.0), backend="eager")
    beside = WatchCallback(every=2, part="net", verdicts=False)
    fit(Module(compiled), beside)
    diagnosis = beside.diagnosis()
    assert diagnosis["1"].samples == 5 * 8
    assert not diagnosis.gradients
    assert diagnosis.notes


def test_the_verdicts_are_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    watch = WatchCallback(every=1)
    fit(Module(), watch, max_epochs=5)
    out = capsys.readouterr().out
    assert out.count("Module: 2 sites") == 1
    assert watch.diagnosis().verdicts[0].kind.replace("_", " ") in out


def test_a_run_without_activations_says_so_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    fit(Module(nn.Linear(4, 1)), WatchCallback())
    assert "called no activation" in capsys.readouterr().out


def test_bad_input() -> None:
    watch = WatchCallback()
    with pytest.raises(ArgumentError, match=r"training has not begun; call `trainer\.fit` first"):
        watch.diagnosis()
    with pytest.raises(ArgumentError, match="`every` must be a number of steps, at least 1, got 0"):
        fit(Module(), WatchCallback(every=0))
    with pytest.raises(ArgumentError, match="Module has no `part` 'body'; its own are net"):
        fit(Module(), WatchCallback(part="body"))
    module = Module()
    with leaky.watch(module), pytest.raises(ArgumentError, match="is watched already"):
        fit(module, WatchCallback())
    assert not is_watched(module)
    with pytest.raises(
        ArgumentError, match="Module is compiled as a whole and cannot be looked into; compile a part"
    ):
        fit(torch.compile(Module(), backend="eager"), WatchCallback())


def test_without_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "lightning" else found(name)
    )
    monkeypatch.delitem(sys.modules, "leaky.doctor.integrations.lightning")
    with pytest.raises(leaky.LeakyError, match=r"needs lightning: pip install 'leaky\[lightning\]'$"):
        importlib.import_module("leaky.doctor.integrations.lightning")
