"""The code in README and guide runs, and the commands they show exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
QUICK = ["--epochs", "1", "--seeds", "2", "--tuning-seeds", "1"]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a page's blocks belong together, like the cells of a notebook
    code = "\n".join(blocks(page, "python"))
    exec(compile(code, str(page), "exec"), {"__name__": "__main__"})


def test_readme_says_what_python_prints() -> None:
    import leaky

    readme = (ROOT / "README.md").read_text()
    assert leaky.leaky_relu([-2.0, 0.0, 3.0], negative_slope=0.1).tolist() == [-0.2, 0.0, 3.0]
    assert "[-0.2, 0.0, 3.0]" in readme
    assert leaky.catalogue["leaky_relu"].derivative([-2.0, 0.0, 3.0]).tolist() == [0.01, 0.01, 1.0]
    assert "[0.01, 0.01, 1.0]" in readme
    assert f"{leaky.nn.init.gain('leaky_relu(negative_slope=0.1)'):.4f}" in readme


def shell_lines() -> list[tuple[str, str]]:
    found = []
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for block in blocks(page, "console"):
            lines = [
                line[2:].split("  # ")[0].strip()
                for line in block.replace("\\\n", " ").splitlines()
                if line.startswith("$ ")
            ]
            found += [(page.name, line) for line in lines]
    return found


PICTURES = ("leaky list", "leaky show", "leaky plot")


@pytest.mark.parametrize(("page", "line"), [(p, s) for p, s in shell_lines() if s.startswith(PICTURES)])
def test_pictures_are_as_shown(leaky_shell: Any, page: str, line: str) -> None:
    done = leaky_shell(*shlex.split(line)[1:])
    assert done.returncode == 0, done.stderr


OTHERS = [(p, s) for p, s in shell_lines() if s.startswith("leaky ") and not s.startswith(PICTURES)]


@pytest.mark.parametrize(("page", "line"), OTHERS)
def test_shell_commands_run(
    leaky_shell: Any, tmp_path: Path, request: pytest.FixtureRequest, page: str, line: str
) -> None:
    """As shown, but for fewer epochs and seeds, and on a cluster that is there."""
    if "dask://" in line:
        line = re.sub(r"dask://\S+", request.getfixturevalue("address"), line)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    of_store = line.startswith("leaky report")
    if of_store:
        leaky_shell(
            "compare", "--task", "digits", "--preset", "shallow", "--activation", "relu", *QUICK, check=True
        )
    quick = ["--budget", "smoke"] if line.startswith("leaky claims") else QUICK
    done = leaky_shell(*shlex.split(line)[1:], *([] if of_store else quick))
    assert done.returncode == 0, done.stderr
    words = {
        "leaky claims": "ruling",
        "leaky compare": "verdict",
        "leaky report": "A/A control",
        "leaky tune": "standing",
    }
    word = "to relu" if "--vary" in line else words[" ".join(line.split()[:2])]
    assert word in done.stdout, done.stdout


def test_make_targets_exist() -> None:
    targets = {word for _, line in shell_lines() for word in re.findall(r"make (\w+)", line)}
    assert {"demo", "test", "lint"} <= targets
    for target in targets:
        done = subprocess.run(
            ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_links_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/design/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_example_learns_and_finds_the_linear_one_out(leaky_shell: Any, tmp_path: Path) -> None:
    """The example in full, with an activation that cannot do it: a linear network cannot separate spirals."""
    import json

    task = f"{ROOT / 'examples' / 'own_task.py'}:build"
    done = leaky_shell(
        *("compare", "--task", task, "--activation", "leaky_relu(negative_slope=1)", "--activation", "elu"),
        *("--seeds", "4", "--tuning-seeds", "1", "--json"),
    )
    assert done.returncode == 0, done.stderr
    arms = {arm["activation"]: arm for arm in json.loads(done.stdout)["arms"]}
    assert arms["relu"]["score"]["estimate"] > 0.9
    assert arms["leaky_relu(negative_slope=1.0)"]["score"]["estimate"] < 0.8
    assert arms["leaky_relu(negative_slope=1.0)"]["verdict"] == "worse"
