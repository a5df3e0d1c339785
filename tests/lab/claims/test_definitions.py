"""Definitions: what changes them, what does not, and the list of them."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from pathlib import Path
from typing import Any

import pytest

from leaky.errors import ArgumentError
from leaky.lab.claims import code as codes
from leaky.lab.claims import gradients, signals, table
from leaky.lab.claims.claim import Claim
from leaky.lab.claims.definitions import FILE, definitions, read_definitions, write_definitions
from leaky.records.ledger import Outcome, Prediction

CLAIM: Claim = table.CLAIMS["half_dead"]


def test_every_word_that_a_result_is_read_by_counts() -> None:
    changes: list[dict[str, Any]] = [
        {"statement": "Another."},
        {"experiment": "Another."},
        {"literature": "Another."},
        {"predicted": "Another."},
        {"made_in": "elsewhere"},
        {"expected": "mixed"},
        {"universal": True},
        {"predictions": (Prediction("made up", ("x",), 0.0, 1.0),)},
        {"hypotheses": (dataclasses.replace(CLAIM.hypotheses[0], margin=0.123),)},
    ]
    found = {dataclasses.replace(CLAIM, **change).definition() for change in changes}
    assert len(found | {CLAIM.definition()}) == len(changes) + 1
    assert CLAIM.definition("smoke") != CLAIM.definition("small")


PLAIN = """
def measure(seed, *, size):
    total = sum(f"{part!r:>{size}}" != "" for part in (1, 2))
    return {"value": total}
"""
RESTYLED = '''
def measure(
    seed, *, size
):
    """Another docstring."""
    # A comment.
    total = sum(
        f"{part!r:>{size}}" != "" for part in (1, 2)
    )
    return {'value': total}
'''


def test_code_is_told_by_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(text: str) -> str:
        monkeypatch.setattr(inspect, "getsource", lambda thing: text)
        return codes.shape(object())

    assert told(PLAIN) == told(RESTYLED)
    assert told(PLAIN) != told(PLAIN.replace("total}", "-total}"))
    assert told(PLAIN) != told(PLAIN.replace("*, size", "size"))


def test_what_an_experiment_calls_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before, shape = codes.code(gradients.gradients), codes.shape
    codes.code.cache_clear()
    edited = signals.RandomNetwork
    monkeypatch.setattr(codes, "shape", lambda thing: shape(thing) + " edited" * (thing is edited))
    assert codes.code(gradients.gradients) != before
    codes.code.cache_clear()


def test_the_list_is_written_and_read(tmp_path: Path) -> None:
    path = write_definitions(tmp_path / "list.json")
    assert read_definitions(path) == definitions() == json.loads(path.read_text())
    assert set(definitions()) == {name for name, claim in table.CLAIMS.items() if claim.method is not None}
    assert len(path.read_text().splitlines()) == len(definitions()) + 2
    assert read_definitions(tmp_path / "none.json") is None
    path.write_text("[1]")
    with pytest.raises(ArgumentError, match=r"definitions: cannot read `.*list.json`"):
        read_definitions(path)


def test_the_committed_list_is_that_of_the_code() -> None:
    """Before anything is measured; after a change: `leaky claims --definitions docs/claims-definitions.json`."""
    committed = read_definitions(Path(__file__).parents[3] / "docs" / FILE)
    assert committed == definitions()


def test_numbers_that_are_none_survive_the_store() -> None:
    values = {"x": (1.5, math.inf, -math.inf, math.nan)}
    made = Outcome("a", "b", "small", (0, 1, 2, 3), values, "2026", 1.0, at_edge=("ReLU, here",))
    again = Outcome.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False)))
    assert again.values["x"][:3] == values["x"][:3]
    assert math.isnan(again.values["x"][3])
    assert again.at_edge == made.at_edge
