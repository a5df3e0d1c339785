"""The page of the ledger, from made-up outcomes."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from leaky.errors import ArgumentError
from leaky.lab import run_claims
from leaky.lab.claims.page import write_page
from leaky.lab.claims.remarks import REMARKS, remark, short
from leaky.lab.claims.table import CLAIMS, family
from leaky.lab.claims.verdicts import effect_of, rule, together
from leaky.records.ledger import Entry, Forecast, Outcome, Prediction, Ruling
from leaky.report.claims.finding import p_holm
from leaky.report.claims.page import markdown
from leaky.report.claims.section import agreement


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
        f"*Source:* {refuted.made_in}.",
        "Measured 2026-12-01 on torch 2.",
        refuted.experiment,
        refuted.literature,
        "Of 1 that were measured, 1 does not.",
        "## What is not",
        "**Does not hold.** None of its 4 hypotheses holds.\n\nAs many exact zeros",
        f"| 16 | [{refuted.statement}](#sparse) | does not hold | 4 do not | as many exact zeros",
        ": no, −50 pp (every seed) | yes |",
        "Ruling predicted: refuted; came out: refuted.",
        f"| −5.00 to +5.00 pp | −50 pp | every seed | 20 | {p_holm(refuted.effects[0])} | refuted |",
        "`leaky claims sparse`. Defined 2026-11-21 (`abc`), measured 2026-12-01 00:00 UTC "
        "in 1 min 1 s of one core (torch 2).",
        f"![{refuted.statement}](images/claims/sparse.png)",
        f"all {family()}",
    ):
        assert part in text or part in " ".join(text.split()), part
    assert '" "' not in text


def test_what_came_out_otherwise_is_told() -> None:
    supported = entry(shift=0.0)
    assert supported.ruling == "supported"
    assert agreement(supported) == "no"
    text = markdown([supported], family=family())
    assert "## What is true" in text
    assert f"Ruling predicted: {supported.expected}; came out: supported." in text


def test_numbers_that_were_predicted_are_told_apart() -> None:
    zeros = Prediction("none is zero", ("exact zeros, relu",), 0.0, 0.0)
    grown = Prediction("2.7 times as much (log10)", ("a", "b"), 0.4, 0.5)
    made = dataclasses.replace(
        entry(), forecasts=(Forecast(zeros, 0.25, came_out=False), Forecast(grown, 0.45, came_out=True))
    )
    text = markdown([made], family=family())
    assert "- none is zero: predicted 0, came out 0.25: no." in text
    assert "- 2.7 times as much: predicted ×2.5119 to ×3.1623, came out ×2.8184: yes." in text
    assert "| no, 1 of 2 numbers |" in text
    assert "What is true" in text  # the ruling is as it was


def test_what_is_mixed_holds_in_part() -> None:
    holds, fails = entry(shift=0.0), entry(shift=-0.5)
    effects = (*holds.effects[:1], *fails.effects[1:])
    ruling = together(effect.ruling for effect in effects)
    text = markdown([dataclasses.replace(holds, effects=effects, ruling=ruling)], family=family())
    assert "## What holds in part" in text
    assert "**Holds in part.** Of 4 hypotheses 1 holds, 3 do not." in text
    assert ": yes, 0 pp" in text
    assert "; but as many" in text


def test_results_of_other_definitions_are_marked(tmp_path: Path) -> None:
    mark = "This definition is not on the list that was committed before."
    committed = {"sparse": {"definition": "abc", "defined": "2026-11-21"}}
    assert mark not in markdown([entry()], family=family(), committed=committed)
    assert mark in markdown([entry()], family=family(), committed={})
    assert mark not in markdown([entry()], family=family())  # no list, nothing to be held against
    (tmp_path / "claims-definitions.json").write_text(json.dumps(committed).replace("abc", "def"))
    assert mark in write_page([entry()], tmp_path / "claims.md", family=family())[0].read_text()


def test_why_nothing_is_decided_is_told() -> None:
    made = entry()
    reason = "best at the edge of the learning rates: ReLU, here"
    effects = tuple(dataclasses.replace(e, ruling="undecided", reason=reason, pairs=17) for e in made.effects)
    text = markdown([dataclasses.replace(made, effects=effects, ruling="undecided")], family=family())
    assert "## What nobody can tell yet" in text
    assert f"| undecided ({reason}) |" in text
    assert "| 17 of 20 |" in text


def test_a_page_of_the_smoke_budget_says_so() -> None:
    made = entry()
    assert made.outcome is not None
    smoke = dataclasses.replace(made, outcome=dataclasses.replace(made.outcome, budget="smoke"))
    assert "With the budget smoke" in " ".join(markdown([smoke], family=family()).split())
    assert "budget smoke" not in " ".join(markdown([made], family=family()).split())


def test_nothing_measured_is_told() -> None:
    bare = dataclasses.replace(entry(), effects=(), ruling=None, outcome=None, missing="not measured")
    text = markdown([bare], family=family())
    assert "## What was not measured" in text
    assert "**Not measured.**" in text
    assert "None was measured yet." in text
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


def test_numbers_beside_the_page_are_those_it_tells_of(tmp_path: Path) -> None:
    made = entry()
    assert made.outcome is not None
    more = dataclasses.replace(made.outcome, values={**made.outcome.values, "of no hypothesis": (1.0,)})
    written = write_page([dataclasses.replace(made, outcome=more)], tmp_path / "claims.md", family=family())
    (row,) = json.loads(written[1].read_text())
    assert Outcome.from_json(row) == made.outcome


def test_a_page_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="page: cannot write"):
        run_claims(["sparse"], store=tmp_path / "c.db", page=tmp_path / "no" / "claims.md")
    assert not (tmp_path / "c.db").exists()


def test_a_remark_is_told_where_the_claim_came_out_as_it_says() -> None:
    for name, (ruling, text) in REMARKS.items():
        assert name in CLAIMS
        assert remark(name, ruling) == text
        assert remark(name, "mixed" if ruling == "refuted" else "refuted") == ""
        assert all(link in CLAIMS for link in re.findall(r"\(#(\w+)\)", text))
    assert short({name: ruling for name, (ruling, _) in REMARKS.items()})
    assert short({}) == ""
