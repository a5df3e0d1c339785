"""The ledger: every claim runs, a stopped run goes on, a changed definition is stale."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from leaky.errors import ArgumentError, StoreError, StudyError, UnknownNameError
from leaky.lab import run_claims
from leaky.lab.claims import table
from leaky.lab.claims.claim import Claim, Measurement
from leaky.lab.claims.comparison import Comparison, Setting
from leaky.lab.claims.estimate import Estimate
from leaky.lab.claims.kept import KeptClaims
from leaky.lab.claims.problems import clothes, digits, small_clothes, spirals, spoken
from leaky.lab.claims.trained import train
from leaky.lab.claims.verdicts import ALPHA
from leaky.lab.engine import engine

NAMES = tuple(table.CLAIMS)
FETCHED = (clothes, small_clothes, spoken)
"""Tasks whose data is not among scikit-learn's."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("claims") / "claims.db"


@pytest.mark.parametrize("name", [name for name in NAMES if table.CLAIMS[name].method is not None])
def test_every_claim_runs(name: str, store: Path, request: pytest.FixtureRequest) -> None:
    claim = table.CLAIMS[name]
    if isinstance(claim.method, Comparison) and any(s.build in FETCHED for s in claim.method.settings):
        request.getfixturevalue("shared_data")
    (entry,) = run_claims([name], budget="smoke", store=store, workers=1)
    assert entry.missing == ""
    assert entry.ruling == "undecided", "two seeds decide nothing"
    assert entry.outcome is not None
    assert entry.outcome.definition == claim.definition("smoke") != claim.definition("small")
    assert [effect.hypothesis for effect in entry.effects] == list(claim.hypotheses)
    assert all(effect.pairs == 2 and math.isfinite(effect.interval.estimate) for effect in entry.effects)


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_told_whole(name: str) -> None:
    claim = table.CLAIMS[name]
    for field in ("statement", "made_in", "literature", "predicted", "experiment"):
        assert getattr(claim, field).endswith(".") or field == "made_in"
    assert claim.defined >= "2026-11-21"
    assert bool(claim.hypotheses) == (claim.method is not None)


@pytest.mark.parametrize("name", NAMES)
def test_enough_seeds_to_decide(name: str) -> None:
    """The smallest p that its pairs can give must survive Holm's correction over the whole ledger."""
    claim = table.CLAIMS[name]
    if claim.method is not None:
        counts = {len(claim.method.seeds("small"))}
        if isinstance(claim.method, Comparison):
            counts = {claim.method.repeats_of(setting, "small") for setting in claim.method.settings}
        assert {n for h in claim.hypotheses for n in h.names}, "hypotheses name values"
        assert 2 / 2 ** min(counts) * table.family() < ALPHA


def test_names_and_numbers() -> None:
    assert [claim.name for claim in table.chosen(["half_dead"])] == ["half_dead"]
    assert {claim.number for claim in table.chosen(["12"])} == {12}
    assert len(table.chosen()) == len(NAMES)
    with pytest.raises(UnknownNameError, match="did you mean `half_dead`"):
        table.chosen(["half_daed"])
    with pytest.raises(UnknownNameError, match=r"^unknown claim `0`: see `leaky claims --list`$"):
        table.chosen(["0"])


def test_a_wrong_budget_is_one_line() -> None:
    with pytest.raises(ArgumentError, match="`budget` must be one of smoke, small, got 'tiny'"):
        run_claims(budget="tiny")


COUNTED: list[int] = []


def counted(seed: int, *, size: int) -> dict[str, float]:
    COUNTED.append(seed)
    return {"value": float(size + seed)}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Claim:
    """A ledger of one claim, whose measurement is counted."""
    claim = dataclasses.replace(
        table.CLAIMS["half_dead"], name="counted", method=Measurement(counted, {"size": 1})
    )
    hypotheses = (dataclasses.replace(claim.hypotheses[0], plus=("value",), minus=()),)
    claim = dataclasses.replace(claim, hypotheses=hypotheses, predictions=())
    _only(monkeypatch, claim)
    COUNTED.clear()
    return claim


def _only(monkeypatch: pytest.MonkeyPatch, claim: Claim) -> None:
    monkeypatch.setattr(table, "CLAIMS", {claim.name: claim})


def test_what_is_measured_is_not_measured_again(alone: Claim, tmp_path: Path) -> None:
    first = run_claims(store=tmp_path / "c.db", workers=1)
    again = run_claims(store=tmp_path / "c.db", workers=1)
    assert len(COUNTED) == 20
    assert first == again


@pytest.mark.parametrize("name", ["c.db", "nowhere/c.db"])
def test_reading_makes_no_store(alone: Claim, tmp_path: Path, name: str) -> None:
    (entry,) = run_claims(store=tmp_path / name, workers=1, measure=False)
    assert (entry.missing, entry.ruling) == ("not measured", None)
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_run_goes_on(alone: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put, told = KeptClaims.put, []

    def stopping(self: KeptClaims, *arguments: object) -> None:
        put(self, *arguments)  # type: ignore[arg-type]
        told.append(arguments)
        if len(told) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(KeptClaims, "put", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_claims(store=tmp_path / "c.db", workers=1)
    monkeypatch.setattr(KeptClaims, "put", put)
    (entry,) = run_claims(store=tmp_path / "c.db", workers=1, measure=False)
    assert (entry.missing, entry.ruling, entry.effects) == ("not measured", None, ())  # no half results
    (entry,) = run_claims(store=tmp_path / "c.db", workers=1)
    assert sorted(COUNTED) == list(range(20))  # none of the seven was measured twice
    assert entry.outcome is not None
    assert entry.outcome.values == {"value": tuple(float(1 + seed) for seed in range(20))}


def test_an_interrupted_run_writes_its_page(
    alone: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(KeptClaims, "put", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_claims(store=tmp_path / "c.db", workers=1, page=tmp_path / "claims.md")
    assert "Not measured" in (tmp_path / "claims.md").read_text()


def unfit(seed: int) -> dict[str, float]:
    raise StudyError("compare: no result")


def test_what_is_shared_with_compare_speaks_as_claims(
    alone: Claim, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _only(monkeypatch, dataclasses.replace(alone, method=Measurement(unfit, {})))
    (entry,) = run_claims(store=tmp_path / "c.db", workers=1)
    assert entry.missing == "failed: StudyError: claims: no result"


def failing(seed: int) -> dict[str, float]:
    raise ValueError("two\nlines")


def test_a_claim_that_fails_does_not_stop_the_others(
    alone: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = dataclasses.replace(alone, name="broken", method=Measurement(failing, {}))
    monkeypatch.setattr(table, "CLAIMS", {"broken": broken, "counted": alone})
    told: list[str] = []
    one, other = run_claims(store=tmp_path / "c.db", workers=1, told=told.append)
    assert one.missing.startswith("failed: ")
    assert "two lines" in one.missing.replace("\\n", " ")
    assert (other.missing, len(COUNTED)) == ("", 20)
    assert "1 of 2: " in told[3]
    assert "broken failed: " in told[4]
    assert "2 of 2: " in told[5]


def test_what_claims_share_is_estimated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting("here", digits, (0.01, 0.1), {"hidden": 1, "train": 100})
    shared = Comparison((setting,), {"ReLU": "relu"}, repeats=3, tuning=2)
    more = Comparison((setting,), {"ReLU": "relu", "leaky": "leaky_relu"}, repeats=4, tuning=2)
    first, second = (
        dataclasses.replace(table.CLAIMS["half_dead"], name=name, method=method)
        for name, method in (("first", shared), ("second", more))
    )
    counts: list[int] = []
    monkeypatch.setattr(Estimate, "_trial_seconds", lambda *arguments: 1.0)
    with engine(None, 1) as trainers, KeptClaims(tmp_path / "c.db") as kept:
        estimate = Estimate(kept, "small", trainers, trainers)
        counts = [round(estimate.seconds(claim)) for claim in (first, second, first)]
        assert counts == [4 + 3, 1 + 4 + 4, 0]
        train(shared, "small", kept.path, trainers, command="", shown=False)
        assert Estimate(kept, "small", trainers, trainers).seconds(first) == 0


def test_a_changed_definition_is_stale(alone: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_claims(store=tmp_path / "c.db", workers=1)
    changed = dataclasses.replace(alone.hypotheses[0], margin=0.2)
    _only(monkeypatch, dataclasses.replace(alone, hypotheses=(changed,)))
    (entry,) = run_claims(store=tmp_path / "c.db", workers=1, measure=False)
    assert entry.missing == "measured by another definition"
    assert entry.ruling is None
    (entry,) = run_claims(store=tmp_path / "c.db", workers=1)
    assert entry.missing == ""
    assert len(COUNTED) == 20  # another margin reads the same measurements
    _only(monkeypatch, dataclasses.replace(alone, method=Measurement(counted, {"size": 2})))
    run_claims(store=tmp_path / "c.db", workers=1)
    assert len(COUNTED) == 40  # other sizes do not


def test_workers_give_the_same_numbers(tmp_path: Path) -> None:
    one = run_claims(["half_dead"], budget="smoke", store=tmp_path / "1.db", workers=1)[0].outcome
    two = run_claims(["half_dead"], budget="smoke", store=tmp_path / "2.db", workers=2)[0].outcome
    assert one is not None
    assert two is not None
    assert one.values == two.values


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"not a database, but mine")
    with pytest.raises(StoreError, match="file is not a database"):
        run_claims(store=tmp_path / "c.db")


def test_noise_is_on_the_test_images_alone() -> None:
    clean, noisy = (digits("smoke", hidden=1, train=100, noise=noise) for noise in (0.0, 0.3))
    at = torch.arange(100)
    assert torch.equal(clean.train_samples.take(at)[0], noisy.train_samples.take(at)[0])
    (a, _), (b, _) = (next(iter(task.parts(0)[2].batches())) for task in (clean, noisy))
    assert (a - b).std() == pytest.approx(0.3, abs=0.02)


def test_spirals_are_not_separated_by_a_line() -> None:
    x, y = spirals("smoke").train_samples.take(torch.arange(600))
    from sklearn.linear_model import LogisticRegression

    assert LogisticRegression().fit(x, y).score(x, y) < 0.7
