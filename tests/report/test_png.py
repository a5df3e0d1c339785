"""The PNG files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from leaky.errors import ArgumentError
from leaky.report import check_directory, write_png
from leaky.report.figures import scores_figure, study_figures
from leaky.report.static import matplotlib_figure

from .example_study import ACTIVATIONS, example_study, hostile_study, with_failures

STUDY = example_study(epochs=4, layers=3)


def size(path):
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def test_one_file_per_figure(tmp_path):
    paths = write_png(STUDY, tmp_path / "plots")
    assert [path.name for path in paths] == [
        "1-scores.png", "2-curves.png", "3-sensitivity.png", "4-units.png", "5-functions.png",
    ]  # fmt: skip
    assert sorted(paths) == sorted((tmp_path / "plots").iterdir())  # nothing else is left there
    assert all(size(path)[0] == 1800 for path in paths)


def test_same_study_same_bytes(tmp_path):
    study = example_study(("relu",), epochs=1, layers=0, rates=(0.01,))
    first, second = (write_png(study, tmp_path / name)[0].read_bytes() for name in "ab")
    assert first == second


def test_the_same_marks_as_described():
    figure = scores_figure(STUDY)
    axes = [a for a in matplotlib_figure(figure).subfigs[1].axes if a.get_title(loc="left")]
    assert [a.get_title(loc="left") for a in axes] == [panel.title for panel in figure.panels]
    drawn = [tuple(line.get_xdata()) for line in axes[0].lines]
    assert all(points.x in drawn for points in figure.panels[0].points)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "study",
    [
        hostile_study(),
        example_study(("relu",), final_seeds=1, tuning_seeds=1, epochs=1, layers=1, rates=(0.1,)),
        with_failures(STUDY, ACTIVATIONS[1]),
        replace(STUDY, trials=()),
        example_study(("_a$b$", "größe(α)"), epochs=1, layers=0),
    ],
    ids=["hostile", "least", "failed", "no trials", "names"],
)
def test_odd_studies_are_drawn_without_a_warning(study, tmp_path):
    assert write_png(study, tmp_path)


def test_no_global_state_of_matplotlib_is_touched():
    code = """
import sys, matplotlib
before = matplotlib.rcParams.copy()
sys.path.insert(0, sys.argv[1])
from report.example_study import example_study
from leaky.report.figures import study_figures
from leaky.report.static import matplotlib_figure
for figure in study_figures(example_study(("relu", "tanh"), epochs=2, layers=2)):
    matplotlib_figure(figure).canvas.draw()
assert "matplotlib.pyplot" not in sys.modules
assert dict.__eq__(matplotlib.rcParams, before)  # plain, so that no backend is looked up
"""
    tests = __file__.rsplit("/report/", 1)[0]
    subprocess.run([sys.executable, "-c", code, tests], check=True, timeout=60)


def test_directory_is_checked_before_and_left_as_it_was(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ArgumentError, match=r"^png: `.*file` is not a directory; name one$"):
        check_directory(file)
    with pytest.raises(
        ArgumentError, match=r"^png: cannot write `.*a/b` \(no such directory `.*a`\); create it"
    ):
        check_directory(tmp_path / "a" / "b")
    check_directory(tmp_path / "new")
    assert list(tmp_path.iterdir()) == [file]


def test_every_figure_has_its_caption_and_legend():
    for figure in study_figures(STUDY):
        drawing = matplotlib_figure(figure)
        words = " ".join(text.get_text() for text in drawing.findobj(lambda a: hasattr(a, "get_text")))
        assert figure.title in words
        assert figure.caption[0][:40] in words
        assert all(name in words for name, _ in figure.legend)
