"""Checkpoints: all of the weights or none, and nothing in the file is executed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from leaky.doctor.checkpoint import load_checkpoint  # noqa: E402
from leaky.errors import ArgumentError  # noqa: E402


def model(width: int = 3) -> Any:
    return torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.ReLU(), torch.nn.Linear(width, 1))


class Boom:
    def __reduce__(self) -> Any:
        return (exec, ("raise SystemError('executed')",))


@pytest.mark.parametrize("key", [None, "state_dict", "model_state_dict", "model", "module"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_weights_arrive(tmp_path: Path, key: str | None, prefix: str) -> None:
    saved, into = model(), model()
    weights = {prefix + name: value for name, value in saved.state_dict().items()}
    torch.save(weights if key is None else {key: weights, "epoch": 3}, tmp_path / "a.pt")
    load_checkpoint(into, tmp_path / "a.pt")
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), into.parameters(), strict=True))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            lambda: model(4).state_dict(),
            r"does not fit Sequential: `0.weight` has shape \(4, 2\), the model's \(3, 2\)",
        ),
        (lambda: {"0.weight": torch.zeros(3, 2)}, "`0.bias` and 2 more are not in the file"),
        (lambda: {**model().state_dict(), "9.x": torch.zeros(1)}, "`9.x` is not in the model"),
        (lambda: [1, 2], r"holds no weights by name \(list\); save `model.state_dict\(\)`"),
        (dict, "holds no weights by name"),
        (Boom, r"as weights only \(it holds `[\w.]+`, which is code\)"),
    ],
)
def test_what_does_not_fit_is_one_line_and_leaves_the_model(
    tmp_path: Path, content: Any, message: str
) -> None:
    torch.save(content(), tmp_path / "a.pt")
    into = model()
    before = {name: value.clone() for name, value in into.state_dict().items()}
    with pytest.raises(ArgumentError, match=message) as caught:
        load_checkpoint(into, tmp_path / "a.pt")
    assert "\n" not in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in into.state_dict().items())


def test_no_checkpoint_at_all(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("weights")
    with pytest.raises(ArgumentError, match="cannot read"):
        load_checkpoint(model(), tmp_path / "text.pt")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("content", [b"hello", b"", pickle.dumps(Boom(), protocol=4)])
def test_files_of_other_kinds_are_one_line_without_warnings(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(
        ArgumentError, match=r"cannot read `.*` as weights only \((it holds|[A-Z]\w+)"
    ) as caught:
        load_checkpoint(model(), tmp_path / "other.pt")
    assert "\n" not in str(caught.value)
