"""torch.export and ONNX: a lean model exports to the operators of the plain one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from lean_nets import net
from side_by_side import images, made
from torch import Tensor, nn
from torch.nn import functional as F

import leaky

(X,) = images(1, 2, 3, 32, 32)


class Net(nn.Module):
    """Every kind of site: fused with a norm, a module, calls."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.1, inplace=True),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.InstanceNorm2d(8, affine=True),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.LeakyReLU(0.3),
            nn.AvgPool2d(2),
        )
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(F.avg_pool2d(F.leaky_relu(self.body(x), 0.4), 2)))


def pair() -> tuple[nn.Module, nn.Module]:
    plain, lean = made(Net), made(Net)
    assert leaky.lean(lean, X).changed
    return plain, lean


def operators(program: Any) -> Counter[str]:
    """How often each is called; in place or not is one."""
    nodes = program.graph.nodes
    return Counter(
        str(node.target).replace("_.default", ".default") for node in nodes if node.op == "call_function"
    )


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_torch_export(strict: bool, training: bool) -> None:
    programs = [torch.export.export(model.train(training), (X,), strict=strict) for model in pair()]
    wanted, found = map(operators, programs)
    assert {name.split(".")[0] for name in found} == {"aten"}
    assert found == wanted
    torch.testing.assert_close(programs[1].module()(X), programs[0].module()(X))


def test_onnx_runtime_agrees(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed: pip install 'leaky[onnx]'")
    runtime = pytest.importorskip(
        "onnxruntime", reason="ONNX Runtime is not installed: pip install 'leaky[onnx]'"
    )
    counts = []
    for number, model in enumerate(pair()):
        path = tmp_path / f"{number}.onnx"
        torch.onnx.export(model.eval(), (X,), path, dynamo=True, verbose=False)
        graph = onnx.load(path)
        assert {node.domain for node in graph.graph.node} <= {"", "ai.onnx"}
        assert not graph.functions
        counts.append(Counter(node.op_type for node in graph.graph.node))
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {session.get_inputs()[0].name: X.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), model(X).detach(), rtol=1e-4, atol=1e-5)
    assert counts[0] == counts[1]
    assert counts[1]["LeakyRelu"] == 4


@pytest.mark.parametrize("name", ["residual ReLU", "units ending in GELU", "perceptron"])
def test_models_whose_inputs_are_computed_again(name: str, tmp_path: Path) -> None:
    plain, lean = net(name), net(name)
    leaky.lean(lean, X)
    wanted, found = (operators(torch.export.export(model, (X,))) for model in (plain, lean))
    assert found == wanted
    traced = torch.jit.trace(lean, X, check_trace=False)
    torch.testing.assert_close(traced(X), plain(X))
    pytest.importorskip("onnx", reason="ONNX is not installed: pip install 'leaky[onnx]'")
    runtime = pytest.importorskip(
        "onnxruntime", reason="ONNX Runtime is not installed: pip install 'leaky[onnx]'"
    )
    path = tmp_path / "lean.onnx"
    torch.onnx.export(lean.eval(), (X,), path, dynamo=True, verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: X.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), lean(X).detach(), rtol=1e-4, atol=1e-5)
