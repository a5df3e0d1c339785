"""Transformers: models with ReLU and leaky ReLU, gradient checkpointing, the Trainer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from side_by_side import follows, images, kept, made, needs_native
from torch import nn

pytest.importorskip("transformers", reason="Transformers is not installed: pip install 'leaky[transformers]'")

import transformers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    EfficientNetConfig,
    EfficientNetForImageClassification,
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
    T5Config,
    T5ForConditionalGeneration,
)

import leaky

logging.getLogger("transformers").setLevel(logging.ERROR)
IDS = torch.randint(0, 50, (2, 48), generator=torch.Generator().manual_seed(0))
TEXT = {"input_ids": IDS, "labels": torch.tensor([0, 1])}


def t5() -> nn.Module:
    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 128, "num_layers": 1, "num_heads": 2}
    return T5ForConditionalGeneration(T5Config(vocab_size=50, decoder_start_token_id=0, **sizes))


def bert() -> nn.Module:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    return BertForSequenceClassification(
        BertConfig(vocab_size=50, hidden_act="leaky_relu", attn_implementation="sdpa", **sizes)
    )


def resnet() -> nn.Module:
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [2, 2]}
    return ResNetForImageClassification(
        ResNetConfig(layer_type="basic", hidden_act="leaky_relu", num_labels=2, **sizes)
    )


def bottlenecks() -> nn.Module:
    sizes = {"embedding_size": 8, "hidden_sizes": [32, 64], "depths": [2, 2]}
    return ResNetForImageClassification(ResNetConfig(layer_type="bottleneck", num_labels=2, **sizes))


def mobilenet() -> nn.Module:
    sizes = {"image_size": 64, "depth_multiplier": 0.25, "classifier_dropout_prob": 0.0}
    return MobileNetV2ForImageClassification(MobileNetV2Config(num_labels=2, **sizes))


def efficientnet() -> nn.Module:
    sizes = {"image_size": 64, "width_coefficient": 0.25, "depth_coefficient": 0.3, "hidden_dim": 320}
    return EfficientNetForImageClassification(
        EfficientNetConfig(drop_connect_rate=0.0, num_labels=2, **sizes)
    )


def hifigan() -> nn.Module:
    sizes: dict[str, Any] = {"model_in_dim": 8, "upsample_initial_channel": 32}
    sizes |= {"upsample_rates": [4, 4], "upsample_kernel_sizes": [8, 8]}
    sizes |= {"resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3]]}
    return SpeechT5HifiGan(SpeechT5HifiGanConfig(initializer_range=0.3, **sizes))


IMAGES = [{"pixel_values": x, "labels": torch.tensor([0, 1])} for x in images(3, 2, 3, 64, 64)]
MODELS: dict[str, tuple[Callable[[], nn.Module], list[Any], float]] = {
    "T5": (t5, 3 * [{"input_ids": IDS, "labels": IDS}], 0.96),
    "BERT with leaky ReLU": (bert, 3 * [TEXT], 0.9),
    "ResNet with leaky ReLU": (
        resnet,
        IMAGES,
        0.75,
    ),
    "ResNet's bottlenecks": (bottlenecks, IMAGES, 0.9),
    "MobileNetV2": (mobilenet, IMAGES, 0.8),
    "EfficientNet": (efficientnet, IMAGES, 0.75),
    "HiFi-GAN": (hifigan, images(3, 2, 32, 8), 0.75),
}


@pytest.mark.parametrize(("make", "batches", "at_most"), MODELS.values(), ids=MODELS)
def test_models_train_the_same(make: Any, batches: Any, at_most: float) -> None:
    follows(make, batches, at_most=at_most, rel=2e-4)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("make", [t5, bert])
def test_gradient_checkpointing(make: Any, reentrant: bool) -> None:
    def checkpointed(model: Any) -> Any:
        model.gradient_checkpointing_enable({"use_reentrant": reentrant})
        return model

    batch = TEXT if make is bert else {"input_ids": IDS, "labels": IDS}
    follows(make, 3 * [batch], at_most=1.0, prepared=checkpointed, rel=2e-4)


class Recorded(transformers.TrainerCallback):
    """The losses that the Trainer logs."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        self.losses += [logs["loss"]] if "loss" in logs else []


class Rows(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    def __len__(self) -> int:
        return 16

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        ids = torch.randint(0, 50, (48,), generator=torch.Generator().manual_seed(row))
        return {"input_ids": ids, "labels": ids[0] % 2}


@needs_native
@pytest.mark.parametrize("bf16", [False, True])
def test_the_trainer(tmp_path: Path, bf16: bool) -> None:
    losses = []
    for make_lean in (False, True):
        model, seen = made(bert), Recorded()
        if make_lean:
            before = kept(model, TEXT)
            leaky.lean(model, TEXT)
            assert kept(model, TEXT) < before
        arguments = transformers.TrainingArguments(
            str(tmp_path), max_steps=4, per_device_train_batch_size=4, learning_rate=0.01, logging_steps=1,
            report_to=[], seed=0, use_cpu=True, bf16=bf16, disable_tqdm=True, save_strategy="no",
        )  # fmt: skip
        transformers.Trainer(model, arguments, train_dataset=Rows(), callbacks=[seen]).train()
        losses.append(seen.losses)
        state = tmp_path / str(make_lean)
        model.save_pretrained(state)
        BertForSequenceClassification.from_pretrained(state)
    assert len(losses[0]) == 4
    assert losses[1] == pytest.approx(losses[0], rel=2e-4)
