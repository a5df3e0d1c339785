"""The report across studies: its figures, its tables, and what a browser makes of the page."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from leaky.lab.reading import across
from leaky.records import Across, Metric
from leaky.report import write_across, write_across_csv, write_across_markdown, write_across_png
from leaky.report.across import control_sentence
from leaky.report.across.figures import across_figures
from leaky.report.across.rows import FIELDS

from .example_study import ACTIVATIONS, HOSTILE, example_study
from .test_html import DRAWN, Page, browser, visit

__all__ = ["browser"]

LOSS = Metric("mse", higher_is_better=False, percent=False)


@pytest.fixture(scope="module")
def found() -> Across:
    first = example_study(epochs=4, layers=3)
    second = replace(
        example_study(ACTIVATIONS[:3], epochs=4, layers=3, final_seeds=8, metric=LOSS), task="co2"
    )
    return across([("digits-deep-abc123", first), ("co2-mlp-def456", second)])


@pytest.fixture(scope="module")
def hostile() -> Across:
    study = example_study(("relu", HOSTILE), epochs=3, layers=2)
    return across([(HOSTILE, study), ("plain", example_study(("relu",), epochs=3, layers=2, final_seeds=2))])


def test_figures_in_one_set_of_colours(found: Across) -> None:
    figures = {figure.key: figure for figure in across_figures(found)}
    assert list(figures) == ["together", "scores", "sensitivity", "cost", "losses", "control"]
    assert [panel.title for panel in figures["together"].panels] == [
        "Performance profile", "Normalised score", "Probability of improvement over relu",
    ]  # fmt: skip
    assert len(figures["scores"].panels) == 4
    assert len(figures["sensitivity"].panels) == 2
    looks = {}
    for figure in figures.values():
        for panel in figure.panels:
            for mark in (*panel.estimates, *panel.lines, *panel.points):
                assert looks.setdefault(mark.name, mark.style.color) == mark.style.color


def test_only_what_all_studies_have_is_put_together(found: Across) -> None:
    together = across_figures(found)[0]
    assert {line.name for line in together.panels[0].lines} == set(found.common) == set(ACTIVATIONS[:3])
    assert set(found.activations) == set(ACTIVATIONS)


def test_scores_where_lower_is_better_are_turned_round(found: Across) -> None:
    _, study = found.studies[1]
    best = min((arm.score.estimate, arm.activation) for arm in study.arms)[1]
    alone = across([("co2", study), ("again", study)])
    assert max(alone.overall, key=lambda each: each.score.estimate).activation == best


def test_one_study_has_nothing_to_put_together(found: Across, tmp_path: Path) -> None:
    alone = across(found.studies[:1])
    assert "together" not in [figure.key for figure in across_figures(alone)]
    text = Page(write_across(alone, tmp_path / "a.html").read_text(encoding="utf-8")).text
    assert "The study digits-deep-abc123" in text
    assert "All together" not in text


def test_the_page_says_what_the_tables_say(found: Across, tmp_path: Path) -> None:
    text = Page(write_across(found, tmp_path / "a.html").read_text(encoding="utf-8")).text
    for part in ("2 studies of activations", "digits-deep-abc123", "co2-mlp-def456", "optimality gap"):
        assert part in text
    assert control_sentence(found.controls) in text  # `Page` makes plain spaces of those that do not break
    for _, study in found.studies:
        assert " ".join(study.command.split()) in text


def test_csv_has_every_arm_and_every_column(found: Across, tmp_path: Path) -> None:
    with write_across_csv(found, tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == FIELDS
    for row in rows:
        study = dict(found.studies)[row["study"]]
        arm = next(arm for arm in study.arms if arm.activation == row["activation"])
        assert float(row["score"]) == arm.score.estimate
        assert (row["improvement_low"] == "") == (arm.improvement is None)
    assert len(rows) == len(ACTIVATIONS) + 3


def test_markdown_tables_have_straight_columns(hostile: Across, tmp_path: Path) -> None:
    text = write_across_markdown(hostile, tmp_path / "a.md").read_text(encoding="utf-8")
    assert "\x1b" not in text
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table
    assert not re.search(r"(?<!\\)<script", text.split("```")[0])


@pytest.mark.filterwarnings("error")
def test_png_files_without_a_warning(found: Across, hostile: Across, tmp_path: Path) -> None:
    names = [path.name for path in write_across_png(found, tmp_path / "a")]
    assert names == [f"{n}-{figure.key}.png" for n, figure in enumerate(across_figures(found), start=1)]
    assert write_across_png(hostile, tmp_path / "b")


def test_without_a_control_the_report_says_how_to_have_one() -> None:
    single = across([("s", example_study(("relu",), epochs=2, layers=1, final_seeds=2))])
    assert single.controls == ()
    assert "takes six final seeds" in control_sentence(single.controls)


@pytest.mark.parametrize("which", ["found", "hostile"])
def test_every_plot_is_drawn_offline(browser, which, request, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = write_across(request.getfixturevalue(which), tmp_path / "page.html")
    for options in (
        {"viewport": {"width": 1280, "height": 900}},
        {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark", "has_touch": True},
    ):
        page, complaints = visit(browser, path, **options)
        drawn = page.evaluate(DRAWN)
        assert drawn
        assert all(area > 20_000 and marks > 0 for _, area, marks in drawn), drawn
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wide = (
            "[...document.querySelectorAll('.wide')].filter((t) => t.scrollWidth > t.clientWidth + 1).length"
        )
        if which == "found":
            assert page.evaluate(wide) == 0  # no table is cut
        assert complaints == []
        page.context.close()
