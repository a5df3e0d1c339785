"""False positives are the enemy: `leaky.check` finds nothing in standard architectures."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from check_models import STANDARD, transformer
from torch import nn

import leaky


@pytest.mark.parametrize("build", STANDARD, ids=lambda build: build.__name__)
def test_standard_architectures(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    report = leaky.check(build())
    assert report.codes == (), str(report)
    assert report.sites or build is transformer  # torch's own block calls F.relu within


@pytest.mark.parametrize(
    ("name", "arguments", "codes"),
    [
        ("YOLOv3", {}, set()),
        ("PlainConvUNet3d", {}, set()),
        ("HiFiGANGenerator", {}, set()),
        ("RRDBNet", {}, set()),
        # The authors' code rectifies in place what its skip connection hands on; it is known for that.
        ("Pix2PixGenerator", {"width": 8, "depth": 5}, {"LKY401"}),
    ],
)
def test_the_networks_of_the_benchmarks(
    monkeypatch: pytest.MonkeyPatch, name: str, arguments: dict[str, int], codes: set[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    with torch.device("meta"):
        report = leaky.check(getattr(importlib.import_module("architectures"), name)(**arguments))
    assert set(report.codes) == codes, str(report)
