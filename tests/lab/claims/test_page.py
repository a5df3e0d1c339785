"""The page of the ledger, from made-up outcomes."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from leaky.errors import ArgumentError
from leaky.lab import run_claims
from leaky.lab.claims.page import agreement, markdown, write_page
from leaky.lab.claims.table import CLAIMS, family
from leaky.lab.claims.verdicts import effect_of, rule, together
from leaky.records.ledger import Entry, Outcome, Ruling


def entry(name: str = "sparse", shift: float = 0.0) -> Entry:
    """A claim with values on which every hypothesis has the effect `shift`."""
    claim = CLAIMS[name]
    values: dict[str, tuple[float, ...]] = {}
    for hypothesis in claim.hypotheses:
        for names, level in ((hypothesis.plus, hypothesis.reference + shift), (hypothesis.minus, 0.0)):
            values |= {value: tuple(level + 1e-4 * seed for seed in range(20)) for value in names}
    outcome = Outcome(
        name, "abc", "small", tuple(range(20)), values, "2026-12-01T00:00:00", 61.0, {"torch": "2"}
    )
    effects = rule([effect_of(hypothesis, values) for hypothesis in claim.hypotheses], family())
    words = {n: getattr(claim, n) for n in Entry.__dataclass_fields__ if hasattr(claim, n)}
    ruling: Ruling = together(effect.ruling for effect in effects)
    return Entry(**words, effects=tuple(effects), ruling=ruling, outcome=outcome)


def test_the_page_tells_it_all() -> None:
    refuted = dataclasses.replace(entry(shift=-0.5), expected="refuted")
    assert refuted.ruling == "refuted"
    text = markdown([refuted], family=family())
    for part in (
        refuted.statement,
        refuted.made_in,
        refuted.experiment,
        refuted.literature,
        "It came out so.",
        "**Refuted. Of its 4 hypotheses 0 hold, 4 do not.**",
        f"| 16 | [{refuted.statement}](#sparse) | refuted | yes |",
        "`leaky claims sparse`; defined 2026-11-21, measured 2026-12-01 by definition `abc` on 20 seeds in 1 min 1 s",
        "-0.5 share of outputs",
        f"![{refuted.statement}](images/claims/sparse.png)",
        f"all {family()}",
    ):
        assert part in text, part


def test_what_came_out_otherwise_is_told() -> None:
    supported = entry(shift=0.0)
    assert supported.ruling == "supported"
    assert agreement(supported) == "no"
    text = markdown([supported], family=family())
    assert "## What holds" in text
    assert "It came out otherwise." in text


def test_nothing_measured_is_told() -> None:
    bare = dataclasses.replace(entry(), effects=(), ruling=None, outcome=None, missing="not measured")
    text = markdown([bare], family=family())
    assert "## Not measured" in text
    assert "**Not measured.**" in text
    assert "png" not in text


def test_page_pictures_and_numbers_are_written(tmp_path: Path) -> None:
    made = entry(shift=-0.5)
    written = write_page([made], tmp_path / "claims.md", family=family())
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "claims.md",
        "claims.json",
        "images/claims/sparse.png",
    ]
    text = written[0].read_text()
    for link in re.findall(r"\]\(([^#)]+)\)", text):
        assert (tmp_path / link).exists(), link
    assert written[2].read_bytes().startswith(b"\x89PNG")
    (row,) = json.loads(written[1].read_text())
    assert Outcome.from_json(row) == made.outcome


def test_a_page_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="page: cannot write"):
        run_claims(["sparse"], store=tmp_path / "c.db", page=tmp_path / "no" / "claims.md")
    assert not (tmp_path / "c.db").exists()
