"""Activations in the terminal: the plot's marks, the sheet's width, what a sheet holds."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from leaky import catalogue
from leaky.report.activation.curves import function_panels, reach
from leaky.report.activation.sheet import sheet
from leaky.report.activation.table import list_table, plot, show
from leaky.report.activation.terminal import panel_text
from leaky.report.activation.words import fact_rows, same_rows
from leaky.report.palette import styles_of


def panels(*texts, low=-4.0, high=4.0):
    specs = {text: catalogue.parse(text) for text in texts}
    return function_panels(specs, styles_of(texts), low, high)


def printed(renderable, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(renderable)
    return console.export_text()


@pytest.mark.parametrize("name", catalogue)
def test_every_sheet_is_json_and_fits_eighty_columns(name):
    spec = catalogue.parse(name)
    told = sheet(spec)
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again["name"] == name
    assert len(again["conventions"]) == len(spec.activation.conventions)
    facts = dict(fact_rows(told))
    assert {"Formula", "Derivative", "At 0", "Inverse", "In Python", "ONNX"} <= facts.keys()
    assert facts["Paper"] in spec.activation.papers
    console = Console(width=80)
    text = printed(show(spec, told, console, -4.0, 4.0))
    assert max(map(len, text.splitlines())) <= 80
    assert spec.activation.title in text
    assert "…" not in text
    assert ("Function f(x)" in text) == spec.activation.elementwise


def test_the_numbers_of_a_sheet():
    told = sheet(catalogue.parse("leaky_relu(negative_slope=0.5)"))
    assert told["points"]["f'(0)"] == told["points"]["f'(-inf)"] == 0.5
    assert told["points"]["f(-inf)"] == told["bounds"][0] == "-inf"
    assert told["gain"] == pytest.approx((2 / 1.25) ** 0.5)
    assert told["inverse"] is True
    assert told["backward"] == "one bit per element"
    assert sheet(catalogue.parse("leaky_relu(negative_slope=0)"))["no_inverse"] == (
        "`negative_slope` must be above 0, got 0"
    )
    assert sheet(catalogue.parse("crelu"))["example"] == "[[-1.0, 2.0]] gives [[0.0, 2.0, 1.0, 0.0]]"


def test_the_list_has_every_entry_and_fits_eighty_columns():
    text = printed(list_table(catalogue.values()))
    assert max(map(len, text.splitlines())) <= 80
    assert [name for name in catalogue if name not in text] == []
    row = next(line for line in text.splitlines() if line.startswith("very_leaky_relu "))
    assert row.split() == [
        "very_leaky_relu",
        "x",
        "if",
        "x",
        ">",
        "0",
        "else",
        "x",
        "/",
        "3",
        "0.3333",
        "1.342",
    ]


def test_a_kink_is_a_dot_and_the_side_not_taken_an_open_one():
    value, slope = panels("relu")
    rows = panel_text(slope, 40).plain.splitlines()
    assert sum(row.count("●") for row in rows) == sum(row.count("○") for row in rows) == 1
    top, bottom = (next(row for row in rows if sign in row) for sign in "○●")
    assert top.startswith("  1 ")  # its label stands in its row
    assert bottom.startswith("  0 ")
    assert top.index("○") == bottom.index("●") == rows[-1].rindex("0")
    assert "●" in panel_text(value, 40).plain
    assert "○" not in panel_text(value, 40).plain


def test_the_line_runs_where_the_function_does():
    rows = panel_text(panels("hardtanh", low=-2.0, high=2.0)[0], 43, 9).plain.splitlines()[1:-1]
    dots = [[0x2800 < ord(sign) <= 0x28FF or sign == "●" for sign in row[3:]] for row in rows]
    assert all(dots[-1][:10])
    assert not any(any(row[:10]) for row in dots[:-1])
    assert all(dots[0][-9:])
    assert not any(any(row[-9:]) for row in dots[1:])
    assert all(any(row) for row in dots)  # and in one piece between


def test_several_curves_have_letters_and_a_legend():
    specs = {text: catalogue.parse(text) for text in ("relu", "leaky_relu(negative_slope=0.2)", "elu")}
    text = printed(plot(specs, Console(width=80), -4.0, 4.0))
    assert "a  relu" in text
    assert "c  elu" in text
    assert max(map(len, text.splitlines())) <= 80
    body = text.split("a  relu")[0].split("\n", 1)[1]
    assert [body.count(letter) for letter in "abc"] == [2, 2, 2]  # one on each curve of both panels
    assert (
        len(printed(plot(specs, Console(width=60), -4.0, 4.0), 60).splitlines()) > 30
    )  # one below the other


def test_without_unicode_there_is_a_plot_all_the_same():
    text = panel_text(panels("relu")[1], 38, unicode=False).plain
    assert text.isascii()
    assert "*" in text
    assert "o" in text


def test_steep_and_flat_and_far_are_drawn():
    for texts, ends in ((["squared_relu"], (-1e3, 1e3)), (["relu"], (-3.0, -1.0)), (["pade"], (1e-3, 2e-3))):
        for panel in panels(*texts, low=ends[0], high=ends[1]):
            assert any(0x2800 < ord(sign) <= 0x28FF for sign in panel_text(panel, 40).plain)


def test_all_kinks_are_in_sight():
    assert reach({"it": catalogue.parse("elu")}) == 4.0
    assert reach({"it": catalogue.parse("clipped_relu")}) == 25.0
    assert reach({"it": catalogue.parse("clipped_relu(ceiling=2)")}) == 4.0


def test_a_jump_of_the_value_has_an_open_dot():
    value, slope = panels("thresholded_relu(threshold=2)")
    assert [(points.x, points.y, points.filled) for points in value.points] == [
        ((2.0,), (0.0,), True),
        ((2.0,), (2.0,), False),
    ]
    assert [(points.y, points.filled) for points in slope.points] == [((0.0,), True), ((1.0,), False)]


def test_backends_with_the_same_answers_are_one_row():
    rows = sheet(catalogue.parse("leaky_relu"))["conventions"]
    merged = same_rows(rows)
    assert len(merged) <= len(rows)
    clipped = same_rows(sheet(catalogue.parse("clipped_relu"))["conventions"])
    assert "keras on torch, jax" in [row["framework"] for row in clipped]
