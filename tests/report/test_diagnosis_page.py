"""The report of a diagnosis: its text, and what a real browser makes of it without a network."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from doctor.diagnoses import HOSTILE, dead, diagnosis, example, normal, site
from leaky.doctor import verdicts
from leaky.errors import ArgumentError
from leaky.report.diagnosis import write_diagnosis, write_diagnosis_png
from leaky.report.diagnosis.figures import (
    depth_figure,
    diagnosis_figures,
    inputs_figure,
    time_figure,
    units_figure,
)

from .test_html import DRAWN, Page, browser, visit

__all__ = ["browser"]


def hostile():
    made = example(layers=3, units=8, steps=4, name=HOSTILE + "#")
    return replace(made, model=HOSTILE, notes=(HOSTILE,))


RECORDS = {
    "time": example(),
    "pass": diagnosis(
        site("block.1.leaky_relu", "leaky_relu(0.1)", normal(mean=1), None),
        site("act", "tanh", normal(units=5), None),
        gradients=False,
    ),
    "one": diagnosis(site("", "relu", normal(1, 1))),
    "hostile": hostile(),
    "nan": diagnosis(site("1", "relu", np.full((4, 3), np.nan)), site("3", "relu", normal(4, 3))),
    "wide": example(layers=14, units=150, steps=3),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    with np.errstate(all="ignore"):
        return {
            name: write_diagnosis(
                record, verdicts(record), folder / f"{name}.html", command=f"leaky doctor {name}"
            )
            for name, record in RECORDS.items()
        }


def test_verdicts_come_first_then_figures_then_the_sites(pages):
    text = Page(pages["time"].read_text(encoding="utf-8")).text.replace("\u00a0", " ")
    parts = ["Diagnosis of MLP", "1 fault and 2 warnings", "Dying: 105 of 384 units (27 %)", "Unseen in",
             "leaky.swap(model", "1. Units by layer", "2. Units over time", "3. Through depth",
             "4. Pre-activations and the kink", "Sites", "layers.7.act", "What the columns mean", "Sokar et al. 2023",
             "To repeat it", "leaky doctor time"]  # fmt: skip
    places = []
    for part in parts:
        places.append(text.index(part, places[-1] if places else 0))


def test_the_file_is_complete_and_the_same_every_time(pages, tmp_path):
    text = pages["time"].read_text(encoding="utf-8")
    tags = Page(text).tags
    assert text.count("plotly.js v") == 1
    assert not [attrs for _, attrs in tags if "src" in attrs]
    assert [attrs["href"] for _, attrs in tags if "href" in attrs] == ["data:,"]
    again = write_diagnosis(example(), verdicts(example()), tmp_path / "a.html", command="leaky doctor time")
    assert again.read_bytes() == pages["time"].read_bytes()


def test_hostile_text_stays_text(pages):
    page = Page(pages["hostile"].read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert "img" not in [tag for tag, _ in page.tags]
    assert "{{7*7}}" in page.text
    data = re.search(r'id="figures">(.*?)</script>', pages["hostile"].read_text(encoding="utf-8"))
    strings = re.findall(r'"[^"]*script[^"]*"', json.dumps(json.loads(data[1])["panels"]))
    assert strings
    assert not [text for text in strings if "<" in text or ">" in text]


@pytest.mark.parametrize("name", RECORDS)
def test_every_plot_is_drawn_offline(browser, pages, name):
    page, complaints = visit(browser, pages[name], viewport={"width": 1280, "height": 900})
    drawn = page.evaluate(DRAWN)
    figures = diagnosis_figures(RECORDS[name])
    assert len(drawn) == sum(not panel.empty for figure in figures for panel in figure.panels)
    assert all(area > 20_000 and marks > 0 for _, area, marks in drawn), drawn
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []
    page.context.close()


def test_on_a_phone_and_in_the_dark(browser, pages):
    options = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark", "has_touch": True}
    page, complaints = visit(browser, pages["time"], **options)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert all(area > 20_000 for _, area, _ in page.evaluate(DRAWN))
    assert complaints == []
    page.context.close()


def test_a_row_of_units_begins_with_the_least_active():
    heat = units_figure(diagnosis(site("1", "relu", dead(normal(), range(8)))))
    row = heat.panels[0].heat.values[0]
    assert row[:25] == (1.0,) * 25
    assert 0.3 < row[30] < 0.7
    assert list(row) == sorted(row, reverse=True)


def test_time_has_a_column_a_measured_step():
    heat = time_figure(example()).panels[0].heat
    assert (len(heat.x), len(heat.rows)) == (24, 8)
    assert heat.values[7][-1] > heat.values[7][0]
    assert time_figure(RECORDS["pass"]) is None


def test_depth_needs_two_sites_and_says_where_gradients_lack():
    assert depth_figure(RECORDS["one"]) is None
    gradient, signal = depth_figure(RECORDS["pass"]).panels
    assert gradient.empty == "no gradient was measured: give a loss"
    assert len(signal.points[0].x) == 2


def test_the_kink_is_drawn_and_the_flat_side_shaded():
    relu, leaky = inputs_figure(
        diagnosis(site("1", "relu", normal()), site("2", "leaky_relu(0.1)", normal()))
    ).panels
    assert [line.x for line in relu.lines[1:]] == [(0.0, 0.0)]
    assert (len(relu.spans), len(leaky.spans)) == (1, 0)
    area = np.trapezoid(relu.lines[0].y, relu.lines[0].x)
    assert area == pytest.approx(1, abs=0.02)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["time", "one", "hostile", "nan"])
def test_png_files(name, tmp_path):
    files = write_diagnosis_png(RECORDS[name], tmp_path / "png")
    assert [file.stem.partition("-")[2] for file in files] == [
        f.key for f in diagnosis_figures(RECORDS[name])
    ]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_a_path_that_cannot_be_written():
    with pytest.raises(ArgumentError, match="report: cannot write"):
        write_diagnosis(RECORDS["one"], (), "no/such/folder/r.html")
