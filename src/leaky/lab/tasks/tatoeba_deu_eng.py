"""`tatoeba_deu_eng`: German sentences into English, 169,813 pairs collected by volunteers.

Source: the pairs of tatoeba.org as manythings.org published them in 2018.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from leaky.extras import require
from leaky.lab.datasets import DATASETS, featurised
from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.metrics import NamedMetric
from leaky.lab.recipe import Recipe
from leaky.lab.text.bleu import OfTexts, corpus_bleu, corpus_chrf, negative_log_likelihood
from leaky.lab.text.subwords import END, Subwords, learn
from leaky.lab.text.translators import TRANSLATORS, translate
from leaky.lab.text.words import UNKNOWN, fold, padded
from leaky.nn import ActivationFactory
from leaky.records import Metric

_RATES = (0.001, 0.003, 0.01, 0.03)
_DROPOUT = 0.1
_NAMES = {
    "gru": "a GRU encoder and decoder with additive attention",
    "transformer": "a transformer, two layers a side",
}


@dataclass(frozen=True)
class Size:
    """What a budget buys: pairs per part, words per sentence, pieces, width of the model, passes over the data."""

    train: int
    held_out: int
    words: int
    pieces: int
    width: int
    epochs: int
    batch_size: int = 64


_SIZES = {
    "smoke": Size(train=4_000, held_out=200, words=4, pieces=1_200, width=48, epochs=4, batch_size=40),
    "small": Size(train=10_000, held_out=400, words=5, pieces=1_000, width=48, epochs=4),
    "full": Size(train=150_000, held_out=2_000, words=15, pieces=8_000, width=256, epochs=15),
}


def build(preset: str, budget: str) -> Task:
    """Sentence pairs with a GRU encoder-decoder ("gru") or a "transformer".

    Parts are made by the English side: all pairs whose English words are the same are in one part, and a pair whose
    German side is also in training is left out of the others. The vocabulary of subwords, shared by both languages,
    is learned on the training part. Training is taught the right pieces so far; scores are of what the model writes
    by itself, the likeliest piece at every step.
    """
    for module in ("sentencepiece", "sacrebleu"):
        require(module, "text", "the task tatoeba_deu_eng")
    size = _SIZES[budget]
    data = featurised("tatoeba_deu_eng", "2", partial(_featurise, size=size))
    subwords = Subwords(tuple(bytes(data["pieces"]).decode().split("\n")))
    written = {tuple(ids): text for ids, text in json.loads(bytes(data["written"]))}
    kind, source_width = TRANSLATORS[preset], int(data["source_width"])

    def model(activation: ActivationFactory, seed: int) -> torch.nn.Module:
        assert isinstance(activation, ModelFactory)
        return kind(len(subwords), source_width, size.width, activation, _DROPOUT)

    def part(name: str) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        return data[name], data[name][:, source_width:]

    train, validation, test = part("train"), part("validation"), part("test")
    return Task(
        name="tatoeba_deu_eng",
        train=train,
        validation=validation,
        test=test,
        model=model,
        metric=NamedMetric(
            Metric("BLEU", higher_is_better=True, percent=False), OfTexts(corpus_bleu, subwords, written)
        ),
        metrics=(
            NamedMetric(
                Metric("chrF", higher_is_better=True, percent=False), OfTexts(corpus_chrf, subwords, written)
            ),
        ),
        predict=translate,
        loss=negative_log_likelihood,
        diverged_score=0.0,
        trivial="the German itself",
        trivial_score=_copied(OfTexts(corpus_bleu, subwords, written), data["test"], source_width),
        margin=0.5,
        recipe=Recipe(optimizer="adam", schedule="cosine", batch_size=size.batch_size, epochs=size.epochs),
        learning_rates=_RATES[1:3] if budget == "smoke" else _RATES,
        description=f"{DATASETS['tatoeba_deu_eng'].credit}, at most {size.words} words a side; {len(train[0]):,} "
        f"pairs for training, {len(test[0]):,} for testing, {len(subwords):,} pieces; {_NAMES[preset]}, width "
        f"{size.width}, the activation {kind.where}",
        version="2",
    )


def _copied(bleu: OfTexts, pairs: NDArray[np.generic], source_width: int) -> float:
    """BLEU of the source itself, as it was written, taken for its translation."""
    german, english = np.split(pairs, [source_width], axis=1)
    return corpus_bleu(*([bleu.reference(ids) for ids in side.tolist()] for side in (german, english)))


def _featurise(files: Mapping[str, Path], size: Size) -> dict[str, NDArray[np.generic]]:
    parts = _parts(files["deu-eng.zip"], size)
    subwords, processor = learn((side for pair in parts["train"] for side in pair), size.pieces)
    sides = {
        part: [[[*ids, END] for ids in processor.encode(list(side))] for side in zip(*pairs, strict=True)]
        for part, pairs in parts.items()
    }
    widths = [max(len(ids) for both in sides.values() for ids in both[side]) for side in (0, 1)]
    found: dict[str, NDArray[np.generic]] = {
        part: np.concatenate([padded(side, width) for side, width in zip(both, widths, strict=True)], axis=1)
        for part, both in sides.items()
    }
    written = [
        (ids[:-1], text)
        for part in ("validation", "test")
        for side, texts in zip(sides[part], zip(*parts[part], strict=True), strict=True)
        for ids, text in zip(side, texts, strict=True)
        if UNKNOWN in ids
    ]
    texts_of = {"pieces": "\n".join(subwords.pieces), "written": json.dumps(written)}
    stored = {name: np.frombuffer(text.encode(), dtype=np.uint8) for name, text in texts_of.items()}
    return {**found, "source_width": np.array(widths[0]), **stored}


def _parts(path: Path, size: Size) -> dict[str, list[tuple[str, str]]]:
    """German and English sides by part: a random choice of the pairs that are short enough."""
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("deu.txt").decode().split("\n")
    pairs = [(german, english) for english, german in (line.split("\t") for line in lines if line)]
    pairs = [pair for pair in pairs if all(len(side.split()) <= size.words for side in pair)]
    most = {"train": size.train, "validation": size.held_out, "test": size.held_out}
    found: dict[str, list[tuple[str, str]]] = {part: [] for part in most}
    for number in np.random.default_rng(0).permutation(len(pairs)):
        german, english = pairs[number]
        part = {0: "test", 1: "validation"}.get(fold(_words(english), 20), "train")
        if len(found[part]) < most[part]:
            found[part].append((german, english))
    taught = {_words(german) for german, _ in found["train"]}
    for part in ("validation", "test"):
        found[part] = [pair for pair in found[part] if _words(pair[0]) not in taught]
    return found


def _words(sentence: str) -> str:
    """What two sentences share that differ in case and punctuation alone."""
    return " ".join(re.findall(r"\w+", sentence.lower()))
