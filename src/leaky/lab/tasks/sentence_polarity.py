"""`sentence_polarity`: is a sentence of a film review positive or negative? 10,662 sentences, as many of each.

Source: B. Pang, L. Lee 2005, Seeing Stars: Exploiting Class Relationships for Sentiment Categorization with Respect
to Rating Scales. ACL.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaky.lab.datasets import DATASETS, featurised
from leaky.lab.definition import Task
from leaky.lab.text.sentiment import Document, Size, arrays, sentiment_task
from leaky.lab.text.words import fold

_SIZES = {
    "smoke": Size(train=3_000, held_out=400, length=30, width=24, epochs=3),
    "small": Size(train=8_600, held_out=1_100, length=40, width=48, epochs=3),
    "full": Size(train=8_600, held_out=1_100, length=60, width=128, epochs=20),
}
_RATES = (0.001, 0.003, 0.01, 0.03)


def build(preset: str, budget: str) -> Task:
    """Sentences with a TextCNN ("textcnn"), a bidirectional LSTM ("bilstm") or a "transformer" encoder.

    A tenth of the sentences, chosen by their own hash, is for testing, another for choosing learning rates. Sentences
    that differ in punctuation alone count as one, so that none is on two sides.
    """
    size = _SIZES[budget]
    data = featurised("sentence_polarity", "1", partial(_featurise, size=size))
    about = f"{DATASETS['sentence_polarity'].credit}, cut after {size.length} words"
    return sentiment_task(
        "sentence_polarity", data, preset, size, about, _RATES[1:3] if budget == "smoke" else _RATES
    )


def _featurise(files: Mapping[str, Path], size: Size) -> dict[str, NDArray[np.generic]]:
    return arrays(_documents(files["sentence_polarity.zip"]), size)


def _documents(path: Path) -> list[Document]:
    found: dict[str, Document] = {}
    with zipfile.ZipFile(path) as archive:
        for label, kind in enumerate(("neg", "pos")):
            for line in archive.read(f"sentence_polarity/rt-polarity.{kind}").decode().split("\n"):
                key = " ".join(re.findall(r"\w+", line))
                if key:
                    part = {0: "test", 1: "validation"}.get(fold(key, 10), "train")
                    found.setdefault(key, Document(tuple(line.split()), label, part))
    return list(found.values())
