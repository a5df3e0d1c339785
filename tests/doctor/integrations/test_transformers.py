"""The callback for Hugging Face's Trainer, in the Trainer itself."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("transformers", reason="Transformers is not installed: pip install 'leaky[transformers]'")
pytest.importorskip("accelerate", reason="Accelerate is not installed: pip install 'leaky[transformers]'")

from transformers import Trainer, TrainerCallback, TrainingArguments

import leaky
from leaky.doctor.integrations.transformers import WatchCallback
from leaky.errors import ArgumentError, ArgumentTypeError

from .by_hand import RATE, SEED, data, is_watched, left_alone, net, step_by_step, told, watched

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing")


class Model(nn.Module):
    """What the Trainer takes: a module that returns its loss."""

    fails_at: int | None = None
    fails_in = "forward"

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.net = net(dropout)
        self.losses: list[Tensor] = []
        self.seen_watched: list[bool] = []

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        y = self.net(x)
        if not self.training:
            assert not is_watched(self)
        else:
            if len(self.losses) == self.fails_at:
                if self.fails_in == "forward":
                    raise RuntimeError("planted")
                y.register_hook(_fail)
            self.seen_watched.append(is_watched(self))
        loss = nn.functional.mse_loss(y, labels)
        if self.training:
            self.losses.append(loss.detach())
        return {"loss": loss, "y": y}


def _fail(gradient: Tensor) -> None:
    raise RuntimeError("planted")


class InOrder(Trainer):
    """The Trainer shuffles."""

    def _get_train_sampler(self, *args: Any) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)  # type: ignore[arg-type]

    def create_optimizer(self, *args: Any) -> Any:
        if self.optimizer is None:
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=RATE, momentum=0.9)
        return self.optimizer


def rows(batches: Any) -> list[dict[str, Tensor]]:
    return [{"x": x, "labels": y} for batch in batches for x, y in zip(*batch, strict=True)]


def trainer_of(
    model: nn.Module, folder: Path, *callbacks: TrainerCallback, batches: int = 10, **options: Any
) -> Trainer:
    options = {"num_train_epochs": 1, "save_strategy": "no", "logging_steps": 4, **options}
    args = TrainingArguments(
        str(folder), per_device_train_batch_size=8, lr_scheduler_type="constant", report_to="none",
        disable_tqdm=True, use_cpu=True, max_grad_norm=0.0, seed=SEED, **options,
    )  # fmt: skip
    return InOrder(
        model, args, train_dataset=rows(data(batches)), eval_dataset=rows(data(2, seed=2)),  # type: ignore[arg-type]
        callbacks=list(callbacks),
    )  # fmt: skip


def of_the_watch(trainer: Trainer) -> dict[int, dict[str, float]]:
    """What it logged, by the number of updates before the step."""
    return {
        entry["step"] - 1: {n.replace("/net.", "/"): v for n, v in entry.items() if n.startswith("leaky_")}
        for entry in trainer.state.log_history
        if any(name.startswith("leaky_") for name in entry)
    }


@pytest.mark.parametrize("accumulate", [1, 2])
def test_as_by_hand_between_evaluations(tmp_path: Path, accumulate: int) -> None:
    model, watch = Model(), WatchCallback(every=2, verdicts=False)
    trainer = trainer_of(
        model, tmp_path, watch, eval_strategy="steps", eval_steps=1, eval_on_start=True,
        gradient_accumulation_steps=accumulate,
    )  # fmt: skip
    with left_alone(model.net):
        trainer.train()
    assert "forward" not in vars(model)
    by_hand = watched(net(0.0), data(10), 2, accumulate)
    assert told(watch.diagnosis(), "net.") == told(by_hand)
    assert watch.diagnosis().names == ("net.1", "net.4")
    assert (by_hand.steps, by_hand.measured) == (10 // accumulate, 5 if accumulate == 1 else 3)
    assert by_hand["1"].never_active.units == (0,)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_what_is_logged_is_that_of_the_step(tmp_path: Path, accumulate: int, given: bool) -> None:
    told_to: list[dict[str, float]] = []

    class Reader(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            told_to.append(dict(logs))

    trainer = trainer_of(Model(), tmp_path, Reader(), gradient_accumulation_steps=accumulate)
    trainer.add_callback(WatchCallback(trainer if given else None, every=3, verdicts=False))
    trainer.train()
    found = of_the_watch(trainer)
    assert found == step_by_step(net(0.0), data(10), 3, accumulate)
    assert sorted(found) == ([0, 3, 6, 9] if accumulate == 1 else [0, 3])
    assert set(found[0]) == {
        f"leaky_{measure}/{site}" for measure in ("never_active", "dormant", "positive", "reach") for site in (1, 4)
    }  # fmt: skip
    json.dumps(trainer.state.log_history)
    losses = [entry["step"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses == ([4, 8] if accumulate == 1 else [4])  # the Trainer's own, at the watch's steps too
    assert any("leaky_reach/net.1" in logs for logs in told_to) is given


def test_the_trainers_own_log_is_not_lost(tmp_path: Path) -> None:
    trainer = trainer_of(Model(), tmp_path, logging_steps=1)
    trainer.add_callback(WatchCallback(trainer, every=1, verdicts=False))
    trainer.train()
    assert [e["step"] for e in trainer.state.log_history if "loss" in e] == list(range(1, 11))
    assert sorted(of_the_watch(trainer)) == list(range(10))


@pytest.mark.parametrize("given", [False, True])
def test_training_is_the_same_to_the_bit(tmp_path: Path, given: bool) -> None:
    def run(with_it: bool) -> list[Tensor]:
        torch.manual_seed(SEED)
        model = Model(dropout=0.1)
        trainer = trainer_of(model, tmp_path, eval_strategy="steps", eval_steps=3, num_train_epochs=2)
        if with_it:
            trainer.add_callback(WatchCallback(trainer if given else None, every=2, verdicts=False))
        trainer.train()
        assert trainer.optimizer is not None
        state = trainer.optimizer.state_dict()["state"].values()
        return [
            *model.losses, *model.state_dict().values(), *(s["momentum_buffer"] for s in state),
            torch.get_rng_state(),
        ]  # fmt: skip

    plain, measured = run(False), run(True)
    assert len(plain) == 20 + 6 + 6 + 1
    assert all(torch.equal(a, b) for a, b in zip(plain, measured, strict=True))


def test_between_measured_steps_there_is_nothing(tmp_path: Path) -> None:
    model = Model()
    trainer_of(model, tmp_path, WatchCallback(every=4, verdicts=False)).train()
    assert model.seen_watched == [step % 4 == 0 for step in range(10)]


def test_a_resumed_run_keeps_the_count(tmp_path: Path) -> None:
    first = WatchCallback(every=2, verdicts=False)
    trainer_of(Model(), tmp_path, first, max_steps=5, save_strategy="steps", save_steps=5).train()
    second, model = WatchCallback(every=2, verdicts=False), Model()
    trainer = trainer_of(model, tmp_path, second)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-5"))
    assert [window.step for window in first.diagnosis()["net.1"].windows] == [0, 2, 4]
    assert [window.step for window in second.diagnosis()["net.1"].windows] == [5, 6, 8]
    assert sorted(of_the_watch(trainer)) == [0, 2, 4, 5, 6, 8]
    assert second.diagnosis().steps == 10
    whole = WatchCallback(every=1, verdicts=False)
    trainer_of(Model(), tmp_path / "whole", whole).train()
    expected = {window.step: window for window in whole.diagnosis()["net.1"].windows}
    for window in second.diagnosis()["net.1"].windows:
        assert (window.positive == expected[window.step].positive).all()
        assert window.gradient_before == expected[window.step].gradient_before


def test_an_exception_in_forward_leaves_the_model_alone(tmp_path: Path) -> None:
    model, watch = Model(), WatchCallback(every=2, verdicts=False)
    model.fails_at = 2
    with left_alone(model.net):
        with pytest.raises(RuntimeError, match="planted"):
            trainer_of(model, tmp_path, watch).train()
        assert not is_watched(model)
    leaky.watch(model).close()
    model.fails_at = None
    trainer_of(model, tmp_path, watch).train()
    assert watch.diagnosis().measured == 5


def test_an_exception_in_backward_is_over_with_the_block(tmp_path: Path) -> None:
    model, watch = Model(), WatchCallback(every=2, verdicts=False)
    model.fails_at, model.fails_in = 2, "backward"
    with left_alone(model.net):
        with pytest.raises(RuntimeError, match="planted"), watch:
            trainer_of(model, tmp_path, watch).train()
        assert not is_watched(model)
    assert watch.diagnosis().measured >= 2
    model.losses.clear()
    trainer = trainer_of(model, tmp_path, watch)
    with pytest.raises(RuntimeError, match="planted"):
        trainer.train()
    model.fails_at = None
    trainer.train()  # begins anew, without a word about what was left
    assert watch.diagnosis().measured == 5
    assert not is_watched(model)


def test_a_model_that_the_trainer_compiles(tmp_path: Path) -> None:
    options = {"torch_compile": True, "torch_compile_backend": "eager"}
    with pytest.raises(
        ArgumentError, match="the model is compiled by the Trainer; give the callback the Trainer"
    ):
        trainer_of(Model(), tmp_path, WatchCallback(), **options).train()
    model = Model()
    model.forward = Plain.forward.__get__(model)  # type: ignore[method-assign]
    trainer = trainer_of(model, tmp_path, batches=3, **options)
    watch = WatchCallback(trainer, every=2, verdicts=False)
    trainer.add_callback(watch)
    trainer.train()
    assert watch.diagnosis()["net.1"].samples == 2 * 8
    assert watch.diagnosis().notes


class Plain(nn.Module):
    """Without what a compiler stumbles over."""

    net: nn.Module

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"loss": nn.functional.mse_loss(self.net(x), labels)}


def test_a_model_of_the_library(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, vocab_size=30,
        max_position_embeddings=8, hidden_act="relu", num_labels=2,
    )  # fmt: skip
    torch.manual_seed(0)
    model = BertForSequenceClassification(config)
    tokens = [{"input_ids": torch.randint(0, 30, (6,)), "labels": torch.tensor(i % 2)} for i in range(40)]
    args = TrainingArguments(
        str(tmp_path), per_device_train_batch_size=8, report_to="none", save_strategy="no", disable_tqdm=True,
        use_cpu=True, num_train_epochs=1, gradient_checkpointing=True,
    )  # fmt: skip
    watch = WatchCallback(every=2, verdicts=False)
    Trainer(model, args, train_dataset=tokens, callbacks=[watch]).train()  # type: ignore[arg-type]
    diagnosis = watch.diagnosis()
    inner = [f"bert.encoder.layer.{layer}.intermediate.intermediate_act_fn" for layer in (0, 1)]
    assert diagnosis.names == (*inner, "bert.pooler.activation")
    assert [(site.units, site.samples, site.gradient_samples) for site in diagnosis] == [
        (24, 24, 24), (24, 24, 24), (16, 24, 24),
    ]  # fmt: skip
    assert diagnosis[inner[0]].values == 24 * 6


def test_the_verdicts_are_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watch = WatchCallback(every=1)
    trainer_of(Model(), tmp_path, watch, num_train_epochs=5).train()
    out = capsys.readouterr().out
    assert out.count("Model: 2 sites") == 1
    assert watch.diagnosis().verdicts[0].kind.replace("_", " ") in out


def test_bad_input(tmp_path: Path) -> None:
    watch = WatchCallback()
    with pytest.raises(ArgumentError, match=r"training has not begun; call `trainer\.train` first"):
        watch.diagnosis()
    with pytest.raises(ArgumentError, match="`every` must be a number of steps, at least 1, got 0"):
        trainer_of(Model(), tmp_path, WatchCallback(every=0)).train()
    with pytest.raises(ArgumentTypeError, match=r"`trainer` must be a transformers\.Trainer, got int"):
        WatchCallback(20)  # type: ignore[arg-type]
    several: Any = SimpleNamespace(torch_compile=False, n_gpu=2)
    with pytest.raises(ArgumentError, match="one process trains on 2 devices"):
        watch.on_train_begin(several, None, None, model=Model())  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["transformers", "accelerate"])
def test_without_the_library(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))
    monkeypatch.delitem(sys.modules, "leaky.doctor.integrations.transformers")
    with pytest.raises(leaky.LeakyError, match=rf"needs {missing}: pip install 'leaky\[transformers\]'$"):
        importlib.import_module("leaky.doctor.integrations.transformers")
