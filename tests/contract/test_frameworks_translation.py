"""The calls that translation writes, run in the real framework: they are the entry's function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import leaky
from leaky.catalogue import Spec
from leaky.catalogue.conventions import CONVENTIONS

X = np.array([[-7.0, -2.75, -1.25, -0.25], [0.375, 1.5, 2.75, 7.0]], dtype=np.float32)
SPECS = [
    *leaky.catalogue,
    *(
        "leaky_relu(1.5)",
        "leaky_relu(-0.5)",
        "leaky_relu(0)",
        "elu(2)",
        "celu(0.5)",
        "softplus(2, 10)",
        "gelu('tanh')",
    ),
    *(
        "hardtanh(-2, 0.5)",
        "hardtanh(0, 3)",
        "clipped_relu(2)",
        "clipped_relu(6)",
        "hardshrink(1)",
        "rrelu(0.1, 0.2)",
    ),
    *(
        "thresholded_relu(0.5)",
        "prelu(0.5)",
        "keras:LeakyReLU",
        "tf:nn.leaky_relu",
        "mxnet:rrelu",
        "caffe:ReLU",
    ),
]


def agrees(spec: Spec, found: Any) -> bool:
    return np.allclose(np.asarray(found), spec.activation.value(X, *spec.values), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("source", SPECS)
def test_in_torch(source: str) -> None:
    torch = pytest.importorskip("torch")
    found = leaky.translate(source, to="torch")
    if not found.exists:
        assert "torch" not in {row.framework for row in found.spec.activation.conventions} or "fixed" in str(
            found
        )
        return
    x = torch.from_numpy(X)
    made = eval(found.call, {"torch": torch, "x": x})
    assert agrees(found.spec, (made.eval()(x) if isinstance(made, torch.nn.Module) else made).detach())


@pytest.mark.parametrize("source", SPECS)
def test_in_jax(source: str) -> None:
    jax = pytest.importorskip("jax")
    found = leaky.translate(source, to="jax")
    if found.exists:
        assert agrees(found.spec, eval(found.call, {"jax": jax, "x": jax.numpy.asarray(X)}))
    else:
        assert "jax" not in {row.framework for row in found.spec.activation.conventions} or "fixed" in str(
            found
        )


@pytest.mark.parametrize("source", SPECS)
def test_in_leaky(source: str) -> None:
    pytest.importorskip("torch")
    import torch

    import leaky.nn

    found = leaky.translate(source, to="leaky")
    if found.spec.activation.value_formula is None:
        assert not found.exists
        return
    made = eval(found.call, {"leaky": leaky, "x": X})
    assert agrees(found.spec, made.eval()(torch.from_numpy(X)) if isinstance(made, torch.nn.Module) else made)


@pytest.mark.parametrize(
    "row", [row for row in CONVENTIONS if row.framework == "leaky"], ids=lambda row: row.call
)
def test_leakys_own_names_are_there(row: Any) -> None:
    pytest.importorskip("torch")
    import leaky.nn

    for name in row.names:
        assert eval(name, {"leaky": leaky}) is not None
