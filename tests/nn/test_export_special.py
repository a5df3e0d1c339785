"""Exported modules where float32 ends, and where a function jumps: ONNX Runtime's answer against the module's."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from every_module import ALL, make  # noqa: E402

from leaky import nn as lnn  # noqa: E402
from leaky.nn.modules import CLASSES  # noqa: E402

logging.getLogger("torch.onnx").setLevel(logging.ERROR)
LARGE = ("Pade", "AdaptivePiecewiseLinear")  # take seconds to export, and cancel at infinity
CASES = [
    *(
        (name, given)
        for name, given in ALL
        if CLASSES[name].entry.elementwise and name not in LARGE and "num_parameters" not in given
    ),
    ("SiLU", {"beta": -2.0}),
    ("SiLU", {"beta": 0.0}),
    ("Softplus", {"beta": 0.5, "threshold": 1.0}),
    ("Softplus", {"beta": 3.0, "threshold": 0.0}),
    ("Softplus", {"threshold": 14.0}),
]
POINTS = [
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    1e-30,
    -1e-30,
    1.5,
    2.05,
    -2.05,
    14.01,
    1e3,
    -1e3,
    1e30,
    -1e30,
]
NAN_IS_LOST = {"Hardshrink", "ThresholdedReLU"}
"""ONNX Runtime's own operators answer 0 to NaN; the docstring of `leaky.nn.export` says so."""


class _Each(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.all = torch.nn.ModuleList(make(name, given) for name, given in CASES)

    def forward(self, x: Any) -> tuple[Any, ...]:
        return tuple(module(x) for module in self.all)


def _answers(path: Path, x: Any) -> list[Any]:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found: list[Any] = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    return found


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Any]]:
    both = _Each().eval()
    x = torch.tensor(POINTS).reshape(3, 5)
    path = lnn.export(both, tmp_path_factory.mktemp("onnx") / "all.onnx", example=torch.zeros(3, 5))
    return both, _answers(path, x)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{name}-{given}" for name, given in CASES])
def test_special_values_are_the_modules(number: int, exported: tuple[Any, list[Any]]) -> None:
    (name, _), (both, answers) = CASES[number], exported
    wanted = both.all[number](torch.tensor(POINTS).reshape(3, 5)).detach().numpy().ravel()
    found = answers[number].ravel()
    if name in NAN_IS_LOST:
        assert found[0] == 0
        wanted[0] = 0
    if name == "GELU":  # torch's own GELU has NaN at one infinity or the other, where the limit is
        known = np.isfinite(POINTS)
        wanted, found = wanted[known], found[known]
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("threshold", "chosen"), [(1.0, True), (14.0, True), (16.0, False), (20.0, False)])
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_softplus_jumps_where_float32_sees_it(
    beta: float, threshold: float, chosen: bool, tmp_path: Path
) -> None:
    module = lnn.Softplus(beta, threshold)
    x = torch.linspace(0.9, 1.1, 400) * threshold / beta
    path = lnn.export(module, tmp_path / "softplus.onnx", example=x)
    assert ("Where" in {node.op_type for node in onnx.load(path).graph.node}) is chosen
    np.testing.assert_allclose(_answers(path, x)[0], module(x).numpy(), rtol=5e-7)


def test_softplus_in_float64_keeps_torchs_threshold(tmp_path: Path) -> None:
    module = lnn.Softplus()
    x = torch.linspace(15, 25, 400, dtype=torch.float64)
    path = lnn.export(module, tmp_path / "softplus.onnx", example=x)
    evaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator(
        onnx.load(path)
    )  # the runtime has no double
    (found,) = evaluator.run(None, {evaluator.input_names[0]: x.numpy()})
    np.testing.assert_allclose(found, module(x).numpy(), rtol=1e-14)
