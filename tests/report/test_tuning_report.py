"""What a tuning says and shows: the recommendation's words, the table, the figures, the page in a browser."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from leaky import report
from leaky.records import Interval, Metric, Tuning
from leaky.report.figures import study_figures
from leaky.report.shapes import Points
from leaky.report.tuning.figures import tuning_figures
from leaky.report.tuning.page import tuning_page
from leaky.report.tuning.words import recommendation, tuning_findings, tuning_sentences, unknown

from .example_tuning import STANDINGS, VALUES, example_tuning, layered

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
GOOD, WORSE, OPEN = STANDINGS[2], STANDINGS[0], STANDINGS[3]


def told(tuning: Tuning, width: int = 120) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(report.tuning_table(tuning, width=width))
    return console.export_text()


@pytest.mark.parametrize(
    ("standings", "recommended", "words"),
    [
        (
            (WORSE, WORSE, GOOD, OPEN),
            0.1,
            "Take negative_slope=0.1 (learning rate 0.03): it did best on validation, and with 95 % confidence it is "
            "within 1.00 pp of the best value tried, the only one of which that is known.",
        ),
        (
            (WORSE, GOOD, GOOD, OPEN),
            0.01,
            "Keep the default, negative_slope=0.01 (learning rate 0.03): with 95 % confidence it is within 1.00 pp "
            "of the best value tried; so is 0.1.",
        ),
        (
            (GOOD, WORSE, OPEN, GOOD),
            0.3,
            "Take negative_slope=0.3 (learning rate 0.03): of such values it did best on validation: with 95 % "
            "confidence it is within 1.00 pp of the best value tried; so is 0 (ReLU).",
        ),
        (
            (GOOD, GOOD, GOOD, GOOD),
            0.01,
            "Keep the default, negative_slope=0.01 (learning rate 0.03): from 0 (ReLU) to 0.3 the slope makes no "
            "practical difference here.",
        ),
    ],
)
def test_the_recommendation_is_plain(standings: tuple[str, ...], recommended: float, words: str) -> None:
    assert recommendation(example_tuning(standings=standings, recommended=recommended)) == words  # type: ignore[arg-type]


def unsettled(**changes: Any) -> Tuning:
    """Nothing settled against the best; the default, of which `changes` are told, is 1 pp behind what was chosen."""
    tuning = example_tuning(standings=(OPEN,) * 4)
    wide, behind = Interval(-0.001, -0.016, 0.0), Interval(-0.02, -0.03, -0.01)
    points = {p.value: p for p in tuning.points}
    points[0.1] = replace(points[0.1], shortfall=wide)
    arm = replace(points[0.01].arm, **{"improvement": behind, "verdict": "worse", **changes})
    points[0.01] = replace(points[0.01], arm=arm)
    return replace(tuning, points=tuple(points.values()))


def test_where_the_best_is_not_settled_what_was_chosen_is_held_against_the_default() -> None:
    assert recommendation(unsettled()) == (
        "Take negative_slope=0.1 (learning rate 0.03): it did best on validation, and on fresh seeds it is "
        "better than the default, 0.01 (+2.00 pp, 95 % interval +1.00 to +3.00 pp). But which values are within "
        "1.00 pp of the best is not settled by 10 seeds (about 28 might, if it is as good as it looks)."
    )  # 10 * (1.5 / 0.9)^2 seeds


def test_what_was_chosen_may_be_behind_the_default() -> None:
    text = recommendation(unsettled(verdict="undecided", improvement=Interval(0.01, -0.01, 0.03)))
    assert "on fresh seeds it was behind the default, 0.01, which is not settled either (-1.00 pp" in text


def test_where_nothing_is_settled_it_says_so() -> None:
    text = recommendation(unsettled(verdict="undecided", improvement=Interval(-0.01, -0.03, 0.01)))
    assert text.startswith(
        "Take negative_slope=0.1 (learning rate 0.03) for now: it did best on validation, but that it is better than "
        "the default, 0.01, is not settled (+1.00 pp, 95 % interval -1.00 to +3.00 pp), and which values are within "
    )
    kept = replace(unsettled(), recommended=0.01, chosen=0.01)
    assert recommendation(kept).startswith(
        "Keep the default, negative_slope=0.01 (learning rate 0.03): it did best"
    )


def test_a_default_that_is_better_on_fresh_seeds_is_kept() -> None:
    ahead = replace(unsettled(verdict="better", improvement=Interval(0.02, 0.012, 0.028)), recommended=0.01)
    assert recommendation(ahead).startswith(
        "Keep the default, negative_slope=0.01 (learning rate 0.03): 0.1 did best on validation, but on fresh seeds "
        "the default is better (+2.00 pp, 95 % interval +1.20 to +2.80 pp). But which values are within 1.00 pp"
    )
    alike = unsettled(verdict="no practical difference", improvement=Interval(0.001, -0.004, 0.006))
    assert "the default makes no practical difference to it (+0.10 pp" in recommendation(
        replace(alike, recommended=0.01)
    )


def test_what_stands_beside_it_has_the_labs_verdict_and_what_was_learned() -> None:
    (prelu,) = tuning_findings(example_tuning())
    assert prelu.activation == "prelu(negative_slope=0.25)"
    assert (
        "It learned slopes from -0.05 to 0.15 (median 0.05) in 3 layers, starting at 0.25." in prelu.sentence
    )
    old = example_tuning()
    assert old.learned is not None
    blank = replace(old, learned=replace(old.learned, layers=(), seeds=(), values=()))
    assert "from an older store" in tuning_findings(blank)[0].sentence
    assert "learned" not in [figure.key for figure in tuning_figures(blank)]


def test_a_value_for_every_layer_is_compared_or_said_to_bring_nothing() -> None:
    tuning = layered(example_tuning())
    found = tuning_findings(tuning)[-1]
    assert found.activation == "a slope for every layer"
    assert "The best on validation runs from 0.02 to 0.3." in found.sentence
    same = tuning_findings(layered(example_tuning(), (0.1, 0.1, 0.1)))[-1]
    assert same.sentence == "brings nothing: the best on validation is 0.1 for all of them."
    assert any("30 trials complete, 9 pruned, 1 failed" in line for line in tuning_sentences(tuning))


def test_what_is_not_known_is_always_said() -> None:
    for tuning in (example_tuning(), layered(example_tuning())):
        assert tuning_sentences(tuning)[-1] == f"Not known: {unknown(tuning)}"
    assert "3 seeds on a grid of 2 rates" in unknown(example_tuning())


def test_the_table_has_a_row_a_value_with_its_standing() -> None:
    text = told(example_tuning())
    for value in ("0 (ReLU)", "0.01", "0.1", "0.3", "prelu"):
        assert value in text
    for words in ("as good as best", "worse", "undecided", "-2.00 pp", "-3.00 to -1.10", "●"):
        assert words in text
    assert next(line for line in text.splitlines() if " 0.1 " in line).startswith(">")
    assert "by layer" in told(layered(example_tuning()))


def test_a_narrow_terminal_gets_the_table_without_the_drawing() -> None:
    text = told(example_tuning(), width=80)
    assert "●" not in text
    assert "as good as best" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_the_curve_shows_every_seed_and_shades_the_plateau() -> None:
    figures = {figure.key: figure for figure in tuning_figures(example_tuning())}
    assert list(figures) == ["response", "learned", "sensitivity", "curves"]
    scores, gaps = figures["response"].panels
    ticks = [text for _, text in scores.x.ticks]
    assert ticks == ["0", "0.01", "0.1", "0.3"]
    (plateau,) = scores.spans
    assert plateau.low < 0.1 < plateau.high < 0.3
    assert plateau.low > 0.01
    foot = next(points for points in scores.points if points.symbol == "triangle-up")
    assert len(foot.x) == 3  # what PReLU learned, of which one lies below 0
    assert foot.x[0] == scores.x.ticks[0][0]
    singles = [points for points in scores.points if points.size == 5]
    assert [len(points.x) for points in singles] == [10] * 4
    assert singles[0].x[0] < 0.01  # 0 has its place on the logarithmic axis
    filled = [points.filled for points in gaps.points]
    assert filled == [False, False, True, False]


def test_the_learned_slopes_have_a_mark_per_seed_and_layer() -> None:
    figure = next(f for f in tuning_figures(layered(example_tuning())) if f.key == "learned")
    (panel,) = figure.panels
    assert [len(points.x) for points in panel.points] == [3] * 10
    assert {line.name for line in panel.lines} == {"prelu(negative_slope=0.25)", "by layer"}


def test_lower_is_better_is_said_and_drawn_as_such() -> None:
    tuning = example_tuning(metric=Metric("mse", higher_is_better=False, percent=False))
    scores, gaps = tuning_figures(tuning)[0].panels
    assert scores.y.label == "mse, lower is better"
    assert gaps.y.label == "mse, negative is worse"
    assert "the lowest mean is at" in tuning_sentences(tuning)[1]


def test_without_a_result_there_is_no_curve_and_the_page_stands() -> None:
    tuning = example_tuning()
    empty = tuple(
        replace(
            point,
            arm=replace(point.arm, scores=(), seeds=(), score=Interval(*[float("nan")] * 3)),
            shortfall=None,
            standing="no result",
            validation=None,
        )
        for point in tuning.points
    )
    lost = replace(tuning, points=empty, plateau=())
    assert "response" not in [figure.key for figure in tuning_figures(lost)]
    assert "No value has final scores to compare." in tuning_page(lost)
    assert "no result" in told(lost)


def test_styles_of_the_response_are_not_those_of_other_figures_by_chance() -> None:
    figure = tuning_figures(example_tuning())[0]
    assert [name for name, _ in figure.legend] == ["leaky_relu", "prelu(negative_slope=0.25)"]
    assert all(isinstance(points, Points) for points in figure.panels[0].points)
    assert study_figures(example_tuning().study)  # the study in it is one like any other


def test_files_are_written(tmp_path: Path) -> None:
    path = report.write_tuning(example_tuning(), tmp_path / "t.html")
    assert path.read_text().startswith("<!doctype html>")
    made = report.write_tuning_png(layered(example_tuning()), tmp_path / "plots")
    assert [p.name for p in made][:2] == ["1-response.png", "2-learned.png"]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in made)


def test_the_page_opens_offline_and_draws_everything(tmp_path: Path) -> None:
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome on this machine")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = report.write_tuning(layered(example_tuning()), tmp_path / "t.html")
    complaints: list[str] = []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_function(
            "document.querySelectorAll('.plot[id]:not(.js-plotly-plot)').length === 0", timeout=15_000
        )
        marks = page.evaluate(
            "[...document.querySelectorAll('.plot[id]')].map((p) => p.querySelectorAll('.scatterlayer path').length)"
        )
        rows = page.locator("table.scores").first.locator("tbody tr").count()
        browser.close()
    assert complaints == []
    assert rows == len(VALUES)
    assert marks
    assert all(marks)
