"""`leaky check` as a user runs it: text, JSON, exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from leaky.cli import main
from leaky.models.check.codes import CODES

ROOT = Path(__file__).parent.parent.parent
MODEL = """
import torch
from torch import nn

print("built by hand")

def build():
    return nn.Sequential(nn.Linear(4, 64), nn.LeakyReLU(64), nn.ReLU(), nn.Linear(64, 2))

def good():
    return nn.Sequential(nn.Linear(4, 64), nn.LeakyReLU(0.1), nn.Linear(64, 2))

def trained():
    model = nn.Sequential(nn.Linear(4, 64), nn.PReLU(), nn.Linear(64, 2))
    return model, torch.optim.AdamW(model.parameters())

def number():
    return 5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


@dataclass(frozen=True)
class Done:
    returncode: int | str | None
    stdout: str
    stderr: str


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """`leaky ARGUMENTS` in this process, which has torch already."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["leaky", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Done(left.value.code, captured.out, captured.err)

    return run


def test_text_and_exit_code_1(leaky_shell: Any, file: Path) -> None:
    done = leaky_shell("check", f"{file}:build")
    assert (done.returncode, done.stderr) == (1, "built by hand\n")
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(
        "1: LKY102 leaky_relu(negative_slope=64): negative inputs are made 64 times larger"
    )
    assert lines[1].startswith("2: LKY403 ")
    assert lines[2] == "Sequential: 2 findings at 2 activations"


def test_json(shell: Callable[..., Done], file: Path) -> None:
    done = shell("check", f"{file}:build", "--ignore", "LKY403", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert [finding["code"] for finding in report["findings"]] == ["LKY102"]
    assert (report["sites"], report["ignored"], report["unread"]) == (2, {"LKY403": 1}, {})


def test_no_findings_is_exit_code_0(shell: Callable[..., Done], file: Path) -> None:
    done = shell("check", f"{file}:build", "--ignore", "LKY102", "--ignore", "LKY403")
    assert (done.returncode, done.stdout) == (0, "Sequential: no findings at 2 activations, 2 ignored\n")


def test_a_model_with_its_optimizer(shell: Callable[..., Done], file: Path) -> None:
    done = shell("check", f"{file}:trained")
    assert done.returncode == 1
    assert "LKY301 `1.weight` in parameter group 0 of AdamW with weight_decay=0.01" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((":number",), "must return a torch.nn.Module, or one and its optimizer, got int"),
        ((":build", "--ignore", "LKY999"), "ignore: unknown code `LKY999`"),
    ],
)
def test_errors_are_exit_code_2(
    shell: Callable[..., Done], file: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = shell("check", f"{file}{arguments[0]}", *arguments[1:])
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]


def test_the_help_lists_every_code(shell: Callable[..., Done]) -> None:
    told = " ".join(shell("check", "--help").stdout.split())
    assert "Exit code 1 on findings" in told
    assert all(f"{code}: {text}" in told for code, text in CODES.items())


def test_the_guide_lists_every_code() -> None:
    page = (ROOT / "docs" / "guide" / "check.md").read_text()
    assert dict(re.findall(r"^\| (LKY\d+) \| (.*?) \|", page, flags=re.MULTILINE)) == dict(CODES)


def test_the_guide_shows_what_is_printed() -> None:
    page = (ROOT / "docs" / "guide" / "check.md").read_text()
    code, text = (
        re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)[0] for language in ("python", "text")
    )
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, {})
    assert printed.getvalue() == text


def test_the_hook_for_pre_commit_calls_the_command() -> None:
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "entry: leaky check\n" in hook
    assert "pass_filenames: false\n" in hook
