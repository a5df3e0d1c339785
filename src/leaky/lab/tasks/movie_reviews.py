"""`movie_reviews`: is a film review of some 700 words positive or negative? 1,000 reviews of each.

Source: B. Pang, L. Lee 2004, A Sentimental Education: Sentiment Analysis Using Subjectivity Summarization Based on
Minimum Cuts. ACL.
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

_SIZES = {
    "smoke": Size(train=1_000, held_out=200, length=100, width=24, epochs=4, batch_size=20),
    "small": Size(train=1_400, held_out=400, length=150, width=48, epochs=6, batch_size=20),
    "full": Size(train=1_400, held_out=400, length=800, width=128, epochs=20, batch_size=20),
}
_RATES = (0.001, 0.003, 0.01, 0.03)
_MEMBER = re.compile(r"movie_reviews/(neg|pos)/cv(\d)\d\d_\d+\.txt")
_VALIDATION_FOLDS = (7,)
_TEST_FOLDS = (8, 9)


def build(preset: str, budget: str) -> Task:
    """Reviews with a TextCNN ("textcnn"), a bidirectional LSTM ("bilstm") or a "transformer" encoder.

    Of the ten folds that the authors give the reviews, the last two are for testing, the eighth is for choosing
    learning rates. A review is cut to its last words, where reviewers conclude.
    """
    size = _SIZES[budget]
    data = featurised("movie_reviews", "1", partial(_featurise, size=size))
    about = f"{DATASETS['movie_reviews'].credit}, the last {size.length} words of each"
    return sentiment_task(
        "movie_reviews", data, preset, size, about, _RATES[1:3] if budget == "smoke" else _RATES
    )


def _featurise(files: Mapping[str, Path], size: Size) -> dict[str, NDArray[np.generic]]:
    return arrays(_documents(files["movie_reviews.zip"], size.length), size)


def _documents(path: Path, length: int) -> list[Document]:
    found = []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            member = _MEMBER.fullmatch(name)
            if member:
                number = int(member[2])
                part = (
                    "test"
                    if number in _TEST_FOLDS
                    else "validation"
                    if number in _VALIDATION_FOLDS
                    else "train"
                )
                words = archive.read(name).decode().split()[-length:]
                found.append(Document(tuple(words), int(member[1] == "pos"), part))
    return found
