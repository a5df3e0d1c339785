"""The HTML report: its text, and what a real browser makes of it without a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from leaky.errors import ArgumentError
from leaky.records import Interval, Metric
from leaky.report import check_writable, write_html

from .example_study import ACTIVATIONS, HOSTILE, example_study, hostile_study, with_failures

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Each study's report, written once."""
    folder = tmp_path_factory.mktemp("reports")
    studies = {
        "plain": example_study(),
        "hostile": hostile_study(),
        "least": example_study(("relu",), final_seeds=1, tuning_seeds=1, epochs=1, layers=0),
        "failed": with_failures(example_study(epochs=3), ACTIVATIONS[1]),
        "empty": replace(example_study(), trials=()),
    }
    return {name: write_html(study, folder / f"{name}.html") for name, study in studies.items()}


class Page(HTMLParser):
    """Tags, and text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self._silent = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._silent = False

    def handle_data(self, data):
        if not self._silent:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def test_sections_come_in_order(reports):
    text = Page(reports["plain"].read_text(encoding="utf-8")).text
    parts = [
        "is better than relu: +3.01 pp", "Read with care", "probability of improvement", "1. Scores",
        "2. Learning curves", "3. Sensitivity", "4. Never active units", "5. The functions",
        "What the interval covers", "One fixed test split", "How it was measured", "Agarwal et al. 2021", "Holm",
        "To repeat it", "leaky compare digits", "Environment", "torch", "Every trial", "100 trials",
    ]  # fmt: skip
    places = []
    for part in parts:
        places.append(text.replace("\u00a0", " ").index(part, places[-1] if places else 0))
    assert places == sorted(places)


def test_one_copy_of_plotly_and_a_light_page(reports):
    from plotly.offline import get_plotlyjs

    text = reports["plain"].read_text(encoding="utf-8")
    assert text.count("plotly.js v") == 1
    assert len(text) - len(get_plotlyjs()) < 250_000


def test_nothing_is_loaded_from_anywhere(reports):
    tags = Page(reports["plain"].read_text(encoding="utf-8")).tags
    assert not [attrs for _, attrs in tags if "src" in attrs]
    assert [attrs["href"] for _, attrs in tags if "href" in attrs] == ["data:,"]


def test_same_study_same_page(reports, tmp_path):
    again = write_html(example_study(), tmp_path / "again.html")
    assert again.read_bytes() == reports["plain"].read_bytes()


def test_hostile_text_stays_text(reports):
    page = Page(reports["hostile"].read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert "img" not in [tag for tag, _ in page.tags]
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert "{{7*7}}" in page.text
    data = re.search(
        r'<script type="application/json" id="figures">(.*?)</script>', reports["hostile"].read_text()
    )
    panels = json.loads(data[1])["panels"]
    strings = re.findall(r'"[^"]*script[^"]*"', json.dumps(panels))
    assert strings
    assert not [text for text in strings if "<" in text or ">" in text]  # Plotly would read them as tags


def test_failures_are_listed_with_their_error(reports):
    text = Page(reports["failed"].read_text(encoding="utf-8")).text
    assert "RuntimeError: out of memory (model.py:12)" in text
    assert "all 10 final trials failed" in text


@pytest.mark.parametrize("count", [2, 3])
def test_many_metrics_have_a_table_of_their_own(count, tmp_path):
    study = example_study()
    metrics = tuple(Metric(f"metric {i}", higher_is_better=True, percent=False) for i in range(count))
    values = {metric.name: Interval(0.5, 0.4, 0.6) for metric in metrics}
    arms = tuple(replace(arm, metrics=values) for arm in study.arms)
    page = write_html(replace(study, metrics=metrics, arms=arms), tmp_path / "many.html").read_text()
    main, _, beside = page.partition("<th>beside it</th>")
    assert main.count("metric 0<br>IQM") == (count == 2)
    assert beside.count("metric 0<br>IQM") == (count == 3)
    assert page.count('data-label="metric 1, IQM"') == len(arms)


def test_one_activation_has_nothing_about_comparing(reports):
    text = Page(reports["least"].read_text(encoding="utf-8")).text
    assert "nothing to compare it with" in text
    assert "No activation layer was measured" in text
    assert "Paired improvement" not in text


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip("no Chromium or Chrome on this machine")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=BROWSER, args=flags)
        yield opened
        opened.close()


def visit(browser, path, **options):
    """Open a page offline; its complaints and its requests beyond the file itself."""
    context = browser.new_context(**options)
    context.set_offline(True)
    page, complaints = context.new_page(), []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith("file://") else None)
    page.goto(path.as_uri())
    page.wait_for_function(
        "document.querySelectorAll('.plot[id]:not(.js-plotly-plot)').length === 0", timeout=15_000
    )
    return page, complaints


DRAWN = """() => [...document.querySelectorAll('.plot[id]')].map((plot) => {
    const box = plot.querySelector('svg.main-svg')?.getBoundingClientRect();
    const marks = plot.querySelectorAll('.scatterlayer path, .heatmaplayer image').length;
    return [plot.id, box ? box.width * box.height : 0, marks];
})"""


def a_click_on_the_legend_hides_an_activation(page):
    traces = "document.querySelectorAll('#curves-0 .scatterlayer .trace').length"
    before = page.evaluate(traces)
    page.click("#curves .legend button >> nth=1")
    assert page.evaluate(traces) == before - 2  # the line and its band
    page.click("#curves .legend button >> nth=1")
    assert page.evaluate(traces) == before


def names_are_shown_as_they_are(page):
    ticks = page.evaluate("[...document.querySelectorAll('#scores-0 .ytick text')].map((t) => t.textContent)")
    assert any(tick.startswith("</script>") for tick in ticks)
    assert page.text_content("#command") == HOSTILE


EXTRA = {"plain": a_click_on_the_legend_hides_an_activation, "hostile": names_are_shown_as_they_are}
"""What else to look at while the page is open: opening one takes a second or two."""


@pytest.mark.parametrize(("name", "plots"), [("plain", 16), ("hostile", 15), ("least", 6), ("empty", 4)])
def test_every_plot_is_drawn_offline(browser, reports, name, plots):
    page, complaints = visit(browser, reports[name], viewport={"width": 1280, "height": 900})
    drawn = page.evaluate(DRAWN)
    assert len(drawn) == plots
    assert all(area > 20_000 and marks > 0 for _, area, marks in drawn), drawn
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("[data-title*='cloud' i], [data-title*='hare' i]").count() == 0  # no upload button
    EXTRA.get(name, lambda _: None)(page)
    assert complaints == []
    page.context.close()


def test_on_a_phone_and_in_the_dark(browser, reports):
    page, complaints = visit(
        browser, reports["plain"], viewport={"width": 390, "height": 800}, color_scheme="dark", has_touch=True
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert all(area > 20_000 for _, area, _ in page.evaluate(DRAWN))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 29)"
    ink = "document.querySelector('#curves-0 .xtick text').style.fill"
    assert page.evaluate(ink) == "rgb(232, 234, 238)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(ink) == "rgb(31, 36, 48)"  # paper is white
    assert complaints == []
    page.context.close()


def test_path_is_checked_before_and_nothing_is_left(tmp_path):
    with pytest.raises(ArgumentError) as caught:
        check_writable("no/such/report.html")
    assert str(caught.value) == (
        "report: cannot write `no/such/report.html` (no such directory `no/such`); create it or name another path"
    )
    with pytest.raises(ArgumentError, match=r"\(it is a directory\); name a file in it$"):
        check_writable(tmp_path)
    for bad in ("", "a\0b"):
        with pytest.raises(ArgumentError, match=r"not a path"):
            check_writable(bad)
    with pytest.raises(ArgumentError, match=r"not a regular file"):
        check_writable("/dev/null")
    assert check_writable(tmp_path / "report.html") == tmp_path / "report.html"
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_report(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(
        ArgumentError, match=r"^report: cannot write `.*report.html` \(disk full\); name another"
    ):
        write_html(example_study(("relu",), epochs=1, layers=1), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    write_html(example_study(("relu",), epochs=1, layers=1), tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_importing_the_report_loads_no_plotting_library():
    code = (
        "import sys, leaky.report; "
        "print({'plotly', 'matplotlib', 'jinja2', 'rich', 'torch', 'leaky.lab', 'leaky.nn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"
