"""`fsdd`: 3,000 recordings of English digits by six speakers; those who test are not those who train.

Source: Z. Jackson et al. 2018, Free Spoken Digit Dataset, https://github.com/Jakobovski/free-spoken-digit-dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from leaky.lab.audio.log_mel import at_speed, log_mel, read_wave
from leaky.lab.audio.networks import NETWORKS
from leaky.lab.datasets import DATASETS, featurised
from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.nn import ActivationFactory

SPEAKERS = {
    "train": ("jackson", "lucas", "nicolas"),
    "validation": ("yweweler",),
    "test": ("george", "theo"),
}
"""An American, a German and a French accent to learn from, a German one to choose the learning rate on, a Greek and
an American one to test on."""

_RATE, _CLASSES = 8_000, 10
_BANDS, _FRAMES = 40, 40
_DROPOUT, _MARGIN = 0.3, 0.01
_NAMES = {
    "dnn": "3 fully connected layers of {width} units, as in Maas et al. 2013",
    "cnn": "3 convolutions of {width} to {widest} channels with batch norm",
}


@dataclass(frozen=True)
class Size:
    """What a budget buys: recordings of a speaker and digit, at which speeds (in %) to train, widths, epochs."""

    recordings: int
    speeds: tuple[int, ...]
    widths: Mapping[str, int]
    epochs: int
    batch_size: int = 64


_SIZES = {
    "smoke": Size(recordings=12, speeds=(100,), widths={"dnn": 64, "cnn": 4}, epochs=8, batch_size=32),
    "small": Size(recordings=50, speeds=(90, 100, 110), widths={"dnn": 256, "cnn": 8}, epochs=6),
    "full": Size(recordings=50, speeds=(90, 100, 110), widths={"dnn": 2048, "cnn": 32}, epochs=40),
}
_RATES = {"dnn": (0.0001, 0.0003, 0.001, 0.003), "cnn": (0.0003, 0.001, 0.003, 0.01)}


def build(preset: str, budget: str) -> Task:
    """Spoken digits as log-mel pictures, with fully connected layers ("dnn") or a small convolutional net ("cnn").

    Three speakers are for training, another for choosing learning rates, two more for testing.
    """
    size = _SIZES[budget]
    network, width = NETWORKS[preset], size.widths[preset]
    data = featurised("fsdd", "1", partial(_featurise, recordings=size.recordings, speeds=size.speeds))

    def model(activation: ActivationFactory, seed: int) -> torch.nn.Module:
        assert isinstance(activation, ModelFactory)
        return network((_BANDS, _FRAMES), _CLASSES, width, activation, _DROPOUT)

    rates = _RATES[preset]
    speeds = f", each at {', '.join(map(str, size.speeds))} % of its speed" if len(size.speeds) > 1 else ""
    return Task(
        name="fsdd",
        **{part: (data[part], data[f"{part}_labels"]) for part in SPEAKERS},  # type: ignore[arg-type]
        model=model,
        metric="error_rate",
        margin=_MARGIN,
        recipe=Recipe(optimizer="adam", schedule="cosine", batch_size=size.batch_size, epochs=size.epochs),
        learning_rates=rates[1:3] if budget == "smoke" else rates,
        description=f"{DATASETS['fsdd'].credit}; {len(data['train']) // len(size.speeds):,} recordings of "
        f"{len(SPEAKERS['train'])} speakers for training{speeds}, {len(data['test']):,} of "
        f"{len(SPEAKERS['test'])} others for testing; log-mel pictures of {_BANDS} bands and {_FRAMES} frames; "
        f"{_NAMES[preset].format(width=width, widest=4 * width)}",
        notes=(
            "Two voices are tested on: a seed changes the network and not the voices, so the intervals do not say "
            "how it does on other speakers.",
        ),
        version="1",
    )


def _featurise(
    files: Mapping[str, Path], recordings: int, speeds: tuple[int, ...]
) -> dict[str, NDArray[np.generic]]:
    """Per part log-mel pictures, (N, 1, bands, frames), and digits; what is trained on at all speeds."""
    found: dict[str, NDArray[np.generic]] = {}
    for part, speakers in SPEAKERS.items():
        told = [
            (digit, files["recordings"] / f"{digit}_{speaker}_{number}.wav", speed)
            for speed in (speeds if part == "train" else (100,))
            for speaker in speakers
            for digit in range(_CLASSES)
            for number in range(recordings)
        ]
        found[part] = np.stack([_picture(path, speed) for _, path, speed in told])[:, None]
        found[f"{part}_labels"] = np.array([digit for digit, *_ in told])
    return found


def _picture(path: Path, speed: int) -> NDArray[np.float32]:
    return log_mel(at_speed(read_wave(path, _RATE), speed), _RATE, _BANDS, _FRAMES)
