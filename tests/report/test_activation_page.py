"""The page of activations in a real browser: its JavaScript computes what the catalogue says."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from leaky import catalogue
from leaky.catalogue.pieces import Sided
from leaky.report.activation import write_activation_html
from leaky.report.activation.curves import function_panels
from leaky.report.activation.formulas import adjustable, controls
from leaky.report.activation.trace import function
from leaky.report.palette import styles_of

from .test_html import browser, visit  # noqa: F401

CURVES = {name: catalogue.parse(name) for name in catalogue if catalogue[name].elementwise}
X = np.asarray(
    [*np.linspace(-7, 7, 57), -1e-9, 1e-9, -30.0, 30.0, -800.0, 800.0, math.inf, -math.inf, math.nan]
)
FEW = ("relu", "leaky_relu(negative_slope=0.2)", "elu", "gelu", "thresholded_relu", "s_shaped_relu", "rrelu")


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):  # noqa: F811
    """A page with every element-wise entry, and one with few, both open; what they complained of."""
    folder = tmp_path_factory.mktemp("pages")
    few = {str(spec): spec for spec in map(catalogue.parse, FEW)}
    pages = {}
    for name, specs in (("all", CURVES), ("few", few)):
        path = write_activation_html(specs, folder / f"{name}.html", -4.0, 4.0)
        pages[name] = visit(browser, path, viewport={"width": 1280, "height": 900})
    yield pages
    for page, _ in pages.values():
        page.context.close()


def settings(spec):
    """Values of the parameters to ask at: the ends of every slider and places between, every choice."""
    (form,) = controls({"it": spec}) or ({"inputs": []},)
    sides = [
        known["choices"] or [known["low"], known["value"], 0.37, 0.0, known["high"]]
        for known in form["inputs"]
    ]
    chosen = [values for values in itertools.product(*sides) if allowed(spec.activation, values)]
    return chosen[:: max(1, len(chosen) // 40)]


def allowed(entry, values):
    try:
        entry.bind(**named(entry, values))
    except ValueError:
        return False
    return True


def named(entry, values):
    return dict(zip((known.name for known in adjustable(entry)), values, strict=True))


def numbers(page, expression):
    """What the page computes, with what JSON cannot hold as text."""
    text = page.evaluate(
        f"() => JSON.stringify({expression}, (_, y) => typeof y === 'number' && !Number.isFinite(y) ? String(y) : y)"
    )
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return np.asarray([[words.get(y, y) for y in row] for row in json.loads(text)], dtype=float)


def as_js(values):
    return ", ".join(json.dumps(value) for value in values)


@pytest.mark.parametrize("name", CURVES)
def test_the_browser_computes_what_python_does(opened, name):
    page, _ = opened["all"]
    entry = catalogue[name]
    inputs = ", ".join("NaN" if at != at else repr(float(at)).replace("inf", "Infinity") for at in X)
    asked = settings(CURVES[name])
    assert asked
    sides = ("left", "right") if isinstance(entry.derivative_formula, Sided) else ()
    for values in asked:
        given = named(entry, values)
        at = X
        edges = numbers(page, f"[leaky.formulas.{name}.edges({as_js(values)})]")[0]
        assert sorted(set(edges)) == pytest.approx(entry.kinks_at(**given), rel=1e-15)
        want = {"value": entry.value(at, **given), "derivative": entry.derivative(at, **given)}
        want |= {side: entry.derivative(at, kink=side, **given) for side in sides}
        for part, expected in want.items():
            arguments = f", {as_js(values)}" if values else ""
            got = numbers(page, f"[[{inputs}].map((x) => leaky.formulas.{name}.{part}(x{arguments}))]")[0]
            np.testing.assert_allclose(got, expected, rtol=2e-14, atol=1e-300, err_msg=f"{part} {given}")


def lines(page, place):
    """The line of an activation in both panels, as it is drawn."""
    return page.evaluate(
        """(place) => [0, 1].map((panel) => {
            const drawn = document.getElementById(`functions-${panel}`).data;
            const [line, filled, open] = drawn.filter((trace) => trace.legendgroup === String(place));
            return [line.x, line.y, filled.x, filled.y, open.x, open.y];
        })""",
        place,
    )


def same_as_python(page, place, text):
    spec = catalogue.parse(text)
    panels = function_panels({text: spec}, styles_of([text]))
    for (x, y, *dots), panel in zip(lines(page, place), panels, strict=True):
        line, (filled, open_) = panel.lines[0], panel.points
        assert x == pytest.approx(line.x, rel=1e-6, abs=1e-9)
        assert [at is None for at in y] == [at is None for at in line.y]
        want = [at for at in line.y if at is not None]
        assert [at for at in y if at is not None] == pytest.approx(want, rel=1e-5, abs=1e-8)
        for got, expected in zip(dots, (filled.x, filled.y, open_.x, open_.y), strict=True):
            assert got == pytest.approx(list(expected), rel=1e-5, abs=1e-8)


def path(page, place, panel=0):
    """The line on the screen."""
    return page.evaluate(
        """([place, panel]) => {
            const plot = document.getElementById(`functions-${panel}`);
            const shown = plot.data.filter((trace) => trace.mode === "lines");
            const index = shown.findIndex((trace) => trace.legendgroup === String(place));
            const drawn = [...plot.querySelectorAll(".scatterlayer .trace")]
                .filter((trace) => trace.querySelector(".js-line"));
            return [...drawn[index].querySelectorAll(".js-line")].map((piece) => piece.getAttribute("d")).join(" ");
        }""",
        [place, panel],
    )


def slide(page, place, name, value):
    page.evaluate(
        """([place, name, value]) => {
            const slider = document.querySelector(`form[data-place="${place}"] [data-slides="${name}"]`);
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        [place, name, value],
    )


def test_a_slider_redraws_at_once(opened):
    page, complaints = opened["few"]
    for place, text in enumerate(FEW):
        same_as_python(page, place, text)
    before = path(page, 1)
    slide(page, 1, "negative_slope", -0.5)
    assert path(page, 1) != before
    same_as_python(page, 1, "leaky_relu(negative_slope=-0.5)")
    assert page.text_content("#functions .legend button >> nth=1") == "leaky_relu(negative_slope=-0.5)"
    assert page.input_value('form[data-place="1"] input[type="number"]') == "-0.5"
    slide(page, 2, "alpha", 1.5)  # a kink appears
    same_as_python(page, 2, "elu(alpha=1.5)")
    slide(page, 4, "threshold", 1.5)  # a jump moves
    same_as_python(page, 4, "thresholded_relu(threshold=1.5)")
    page.select_option('form[data-place="3"] select', "tanh")
    same_as_python(page, 3, "gelu(approximate='tanh')")
    page.click('form[data-place="1"] button[type="reset"]')
    page.locator(".legend button:has-text('negative_slope=0.2')").wait_for()
    same_as_python(page, 1, FEW[1])
    assert complaints == []


def test_a_slider_moves_with_the_keyboard(opened):
    page, _ = opened["few"]
    slider = page.locator('form[data-place="2"] [data-slides="alpha"]')
    slider.focus()
    slider.press("Home")
    low = page.input_value('form[data-place="2"] input[type="number"]')
    assert 0 < float(low) < 0.05
    same_as_python(page, 2, f"elu(alpha={low})")


def test_what_cannot_be_is_said_and_not_drawn(opened):
    page, complaints = opened["few"]
    box = 'form[data-place="6"] input[data-parameter="lower"]'
    before = path(page, 6)
    page.fill(box, "0.9")
    message = page.locator('form[data-place="6"] output')
    assert message.text_content() == "`lower` must not be above `upper`, got 0.9 and 0.3333333333333333"
    assert path(page, 6) == before
    page.fill(box, "")
    assert message.text_content() == "`lower` must be finite"
    page.fill(box, "0.1")
    assert message.text_content() == ""
    assert path(page, 6) != before
    page.fill('form[data-place="2"] input[data-parameter="alpha"]', "0")
    assert page.text_content('form[data-place="2"] output') == "`alpha` must be finite and above 0"
    assert complaints == []


def test_the_whole_sheet_on_a_phone_in_the_dark(browser, tmp_path):  # noqa: F811
    spec = catalogue.parse("leaky_relu")
    path = write_activation_html({str(spec): spec}, tmp_path / "one.html", -4.0, 4.0, whole=True)
    page, complaints = visit(browser, path, viewport={"width": 390, "height": 800}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    text = page.text_content("main")
    for part in (
        "Leaky ReLU",
        "one bit per element",
        "Maas",
        "keras.layers.LeakyReLU",
        "documented",
        "1.4141",
    ):
        assert part in text
    assert complaints == []
    page.context.close()


def test_what_has_no_curve_is_a_page_without_one(browser, tmp_path):  # noqa: F811
    spec = catalogue.parse("dynamic_relu")
    path = write_activation_html({str(spec): spec}, tmp_path / "one.html", 0.0, 0.0, whole=True)
    page, complaints = visit(browser, path)
    assert "leaky.nn.DynamicReLU" in page.text_content("main")
    assert page.locator("form, figure").count() == 0
    assert complaints == []
    page.context.close()


def test_a_formula_that_branches_on_x_is_refused():
    with pytest.raises(TypeError, match="must not branch on x"):
        function(lambda xp, x: x if x > 0 else 0.0, ())


def test_answers_that_follow_are_not_asked_again():
    def formula(xp, x, a):
        if a < 0:
            return formula(xp, -x, -a)
        return x * 2 if a == 0 else x

    written = function(formula, ("a",))
    assert written.count("if (") == 2  # not a < 0 and a < 0 again without end
