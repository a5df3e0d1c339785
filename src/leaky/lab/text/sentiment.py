"""What the tasks on sentiment share: documents to arrays, and arrays with a model to a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.lab.text.classifiers import CLASSIFIERS
from leaky.lab.text.words import UNKNOWN, encoded, vocabulary
from leaky.nn import ActivationFactory

_CLASSES = 2
_DROPOUT = 0.5
_NAMES = {"textcnn": "a TextCNN", "bilstm": "a bidirectional LSTM", "transformer": "a transformer encoder"}


@dataclass(frozen=True)
class Size:
    """What a budget buys: documents per part, words per document, width of the model, passes over the data."""

    train: int
    held_out: int
    length: int
    width: int
    epochs: int
    batch_size: int = 50


@dataclass(frozen=True)
class Document:
    """A tokenised text, its class, and the part it belongs to: "train", "validation" or "test"."""

    words: tuple[str, ...]
    label: int
    part: str


def arrays(documents: Sequence[Document], size: Size) -> dict[str, NDArray[np.generic]]:
    """A random choice of documents as ids and labels per part; the vocabulary is of the training part alone.

    Ids are in `train`, `validation` and `test`, of shape (documents, length); classes in `train_labels` and so on;
    the ids of the vocabulary go up to `words` - 1.
    """
    chosen: dict[str, list[Document]] = {}
    for part, most in (("train", size.train), ("validation", size.held_out), ("test", size.held_out)):
        those = [document for document in documents if document.part == part]
        order = np.random.default_rng(0).permutation(len(those))[:most]
        chosen[part] = [those[number] for number in order]
    words = vocabulary(document.words for document in chosen["train"])
    found: dict[str, NDArray[np.generic]] = {"words": np.array(len(words) + UNKNOWN + 1)}
    for part, those in chosen.items():
        found[part] = encoded([document.words for document in those], words, size.length)
        found[f"{part}_labels"] = np.array([document.label for document in those])
    return found


def sentiment_task(
    name: str,
    data: Mapping[str, NDArray[np.generic]],
    preset: str,
    size: Size,
    about: str,
    learning_rates: tuple[float, ...],
) -> Task:
    """A task of `arrays` with one of the `CLASSIFIERS`, trained by Adam with dropout."""
    kind, words, width = CLASSIFIERS[preset], int(data["words"]), size.width

    def model(activation: ActivationFactory, seed: int) -> torch.nn.Module:
        assert isinstance(activation, ModelFactory)
        return kind(words, _CLASSES, width, activation, _DROPOUT)

    return Task(
        name=name,
        train=(data["train"], data["train_labels"]),
        validation=(data["validation"], data["validation_labels"]),
        test=(data["test"], data["test_labels"]),
        model=model,
        recipe=Recipe(optimizer="adam", schedule="cosine", batch_size=size.batch_size, epochs=size.epochs),
        learning_rates=learning_rates,
        description=f"{about}; {len(data['train']):,} for training, {len(data['test']):,} for testing, "
        f"{words:,} words known from training; {_NAMES[preset]} of width {width}, "
        f"the activation {kind.where}",
        version="1",
    )
