"""Progress away from a terminal: plain lines on stderr, stdout left alone."""

from __future__ import annotations

import operator
from typing import Any

from leaky.lab import progress
from leaky.lab.progress import StudyProgress


def test_plain_lines(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(progress, "_PLAIN_EVERY_SECONDS", 0.0)
    with StudyProgress(4, shown=True, better=operator.gt, text="{:.2f}".format) as shown:
        shown.begin("tuning", 1)
        shown.trial("relu", 0.5, counts=True)
        shown.trial("tanh", 0.9, counts=False)
        shown.trial("elu", 0.4, counts=True)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "tuning: 1 trials found in the store"
    assert lines[1] == "tuning: 2/4 trials, about 0 s left, best so far 0.50 relu"
    assert lines[-1] == "tuning: 4/4 trials, best so far 0.50 relu"


def test_nothing_when_asked(capsys: Any) -> None:
    with StudyProgress(1, shown=False, better=operator.gt, text=str) as shown:
        shown.begin("tuning", 0)
        shown.trial("relu", 0.5, counts=True)
    assert capsys.readouterr() == ("", "")


def test_durations() -> None:
    assert [progress._duration(s) for s in (3.2, 75, 3720)] == ["3 s", "1 min 15 s", "1 h 02 min"]
