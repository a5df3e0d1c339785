"""The rows of Keras 3, against Keras on torch, JAX and NumPy: a process each, as the backend is taken at import."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from leaky.catalogue.conventions.keras import KERAS

SCRIPT = Path(__file__).parent / "frameworks_keras.py"


@pytest.fixture(scope="module", params=["torch", "jax", "numpy"])
def asked(request: pytest.FixtureRequest) -> dict[str, Any]:
    for module in ("keras", request.param):  # not imported: here it would take its default backend
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "KERAS_BACKEND": request.param},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "backend": request.param}


def test_keras_answers_as_its_rows_say(asked: dict[str, Any]) -> None:
    assert asked["wrong"] == []
    assert asked["rows"] == [row.call for row in KERAS if row.backend == asked["backend"]]
    assert len(asked["rows"]) >= (4 if asked["backend"] == "numpy" else 30)


def test_above_a_slope_of_one_numpys_backend_is_another_function(asked: dict[str, Any]) -> None:
    """It takes the maximum of x and its multiple, which is the right one up to 1 only."""
    wrong = asked["backend"] == "numpy"
    assert asked["above one"] == [[-1.0, 1.5] if wrong else [-1.5, 1.0]] * 4


def test_its_layers_refuse_a_negative_slope(asked: dict[str, Any]) -> None:
    assert asked["refuses"]
    limits = {row.call: a.least for row in KERAS for a in row.arguments if a.parameter == "negative_slope"}
    assert limits["keras.layers.LeakyReLU"] == limits["keras.layers.ReLU"] == 0.0
    assert limits["keras.activations.leaky_relu"] is None
