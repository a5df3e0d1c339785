"""Modules through torch.onnx.export: the operators in the graph, and ONNX Runtime's answer against torch's."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from every_module import ALL, label, make, normal  # noqa: E402

import leaky  # noqa: E402
from leaky import nn as lnn  # noqa: E402
from leaky.errors import ArgumentError, ArgumentTypeError  # noqa: E402

logging.getLogger("torch.onnx").setLevel(logging.ERROR)
# What the entries call composed, and operators that torch's default opset has not: all in ONNX, in evaluation.
COMPOSED: dict[str, set[str]] = {
    "RReLU": {"LeakyRelu"},
    "NoisyReLU": {"Relu"},
    "CReLU": {"Relu", "Neg", "Concat"},
    "SquaredReLU": {"Relu", "Mul"},
    "ShiftedReLU": {"Max"},
    "DisplacedReLU": {"Max"},
    "Maxout": {"Reshape", "ReduceMax"},
    "AverageBiasedReLU": {"ReduceMean", "Sub"},
    "Softplus": {"Softplus"},
    "SiLU": {"Sigmoid", "Mul"},
    "SShapedReLU": {"Where"},
    "FlexibleReLU": {"Relu"},
    "AdaptivePiecewiseLinear": {"Where"},
    "Pade": {"Div", "Abs"},
    "DynamicReLU": {"ReduceMean", "Gemm", "Relu", "Sigmoid", "Max"},
    "FunnelReLU": {"Conv", "Max"},
}


def _answer(path: Path, x: Any) -> Any:
    return _answers(path, x)[0]


def _answers(path: Path, x: Any) -> list[Any]:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found: list[Any] = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    return found


def _nodes(path: Path) -> list[Any]:
    return list(onnx.load(path).graph.node)


# Large graphs that differ from another only in the number of their parameters take torch ten seconds each.
CASES = [
    case
    for case in ALL
    if case[0] not in ("Pade", "AdaptivePiecewiseLinear") or "num_parameters" not in case[1]
]


class _Each(torch.nn.Module):
    """Every module beside the others: one export instead of sixty."""

    def __init__(self) -> None:
        super().__init__()
        self.all = torch.nn.ModuleList(make(name, given) for name, given in CASES)

    def forward(self, x: Any) -> tuple[Any, ...]:
        return tuple(module(x) for module in self.all)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, list[Any]]:
    """The modules in evaluation, the graph they became, and what ONNX Runtime says to a batch of another size."""
    both = _Each().train()
    path = lnn.export(both, tmp_path_factory.mktemp("onnx") / "all.onnx", example=normal())
    assert all(module.training for module in both.modules())
    return both.eval(), onnx.load(path).graph, _answers(path, _BATCH)


_BATCH = normal((5, *normal().shape[1:]))


def _behind(graph: Any, output: str) -> list[Any]:
    """The nodes that an output is computed by, the last one first."""
    maker = {name: node for node in graph.node for name in node.output}
    found, names = [], [output]
    while names:
        node = maker.get(names.pop(0))
        if node is not None and node not in found:
            found.append(node)
            names += node.input
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{name}-{label(given)}" for name, given in CASES])
def test_a_module_exports_to_the_operators_of_its_entry(
    number: int, exported: tuple[Any, Any, list[Any]]
) -> None:
    both, graph, answers = exported
    (name, given), module = CASES[number], both.all[number]
    nodes = _behind(graph, graph.output[number].name)
    operators = {node.op_type for node in nodes}
    if name in COMPOSED:
        assert COMPOSED[name] <= operators
    elif (name, given) != ("PReLU", {"num_parameters": (4, 6, 5)}):
        assert nodes[0].op_type == module.entry.onnx.operator
    assert {node.domain for node in nodes} == {""}
    wanted = module(_BATCH).detach().numpy()
    np.testing.assert_allclose(answers[number], wanted, rtol=2e-5, atol=2e-6, err_msg=str(operators))


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("leaky_relu(negative_slope=0.3)", {"alpha": 0.3}),
        ("very_leaky_relu", {"alpha": 1 / 3}),
        ("rrelu(lower=0.1, upper=0.5)", {"alpha": 0.3}),
        ("rrelu(lower=0.1, upper=0.5, form='divide')", {"alpha": 1 / 6}),
        ("elu(alpha=0.5)", {"alpha": 0.5}),
        ("celu(alpha=2)", {"alpha": 2.0}),
        ("thresholded_relu(threshold=0.7)", {"alpha": 0.7}),
        ("hardsigmoid(slope=0.2, offset=0.5)", {"alpha": 0.2, "beta": 0.5}),
        ("hardsigmoid", {"alpha": 1 / 6, "beta": 0.5}),
        ("hardshrink(lambd=0.3)", {"lambd": 0.3, "bias": 0.0}),
        ("gelu(approximate='tanh')", {"approximate": b"tanh"}),
    ],
)
def test_a_spec_exports_with_its_parameters(
    text: str, attributes: dict[str, float | bytes], tmp_path: Path
) -> None:
    path = lnn.export(text, tmp_path / "one.onnx")
    *_, node = _nodes(path)
    found = {given.name: onnx.helper.get_attribute_value(given) for given in node.attribute}
    assert found.keys() >= attributes.keys()
    for name, value in attributes.items():
        wanted = value if isinstance(value, bytes) else pytest.approx(value, rel=1e-6)
        assert found[name] == wanted
    spec = leaky.parse(text)
    x = normal((2, 4, 6, 6))
    wanted = spec.activation.value(x, **spec.parameters)
    np.testing.assert_allclose(_answer(path, x), wanted.numpy(), rtol=2e-5, atol=2e-6)


def _network() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1, bias=False),
        torch.nn.BatchNorm2d(8),
        torch.nn.LeakyReLU(0.2),
        torch.nn.Conv2d(8, 8, 3, padding=1),
        torch.nn.ReLU(inplace=True),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 2),
    )


def test_a_lean_model_exports_as_the_model_it_was(tmp_path: Path) -> None:
    x = normal((2, 3, 8, 8))
    model = _network()
    model(x)  # running statistics that are no longer 0 and 1
    wanted = model.eval()(x).detach().numpy()
    leaky.lean(model)
    path = lnn.export(model, tmp_path / "lean.onnx", example=x)
    assert {"Conv", "LeakyRelu", "Relu", "Gemm"} <= {node.op_type for node in _nodes(path)}
    np.testing.assert_allclose(_answer(path, x), wanted, rtol=1e-4, atol=1e-5)


def test_norm_and_activation_in_one_exports(tmp_path: Path) -> None:
    x = normal((2, 3, 8, 8))
    layer = lnn.BatchNormAct2d(3, activation="leaky_relu(negative_slope=0.2)")
    layer(x)
    path = lnn.export(layer, tmp_path / "norm.onnx", example=x)
    assert _nodes(path)[-1].op_type == "LeakyRelu"
    np.testing.assert_allclose(_answer(path, x), layer.eval()(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    cases: list[tuple[Any, Any, dict[str, Any], type[Exception], str]] = [
        (
            3,
            "a.onnx",
            {},
            ArgumentTypeError,
            "export: the activation must be a spec such as 'elu(alpha=0.5)' or a torch.nn.Module, got int",
        ),
        ("reluu", "a.onnx", {}, ArgumentError, "unknown activation `reluu`: did you mean `relu`?"),
        (
            "funnel_relu",
            "a.onnx",
            {},
            ArgumentError,
            "funnel_relu: needs the number of channels, give num_channels=C or make leaky.nn.FunnelReLU(C) where "
            "the model has it",
        ),
        (
            "relu",
            "a.onnx",
            {"example": [1.0]},
            ArgumentTypeError,
            "export: `example` must be a tensor, got list",
        ),
        ("relu", "nowhere/a.onnx", {}, ArgumentError, "which is no folder; make it first"),
        ("relu", ".", {}, ArgumentError, "which is a folder; name a file in it"),
        (
            "relu",
            "a.onnx",
            {"opset_version": "18"},
            ArgumentTypeError,
            "export: `opset_version` must be an integer, got '18'",
        ),
        ("relu", "a.onnx", {"opset_version": 0}, ArgumentError, "export: `opset_version` 0 cannot express"),
        (
            lnn.DynamicReLU(5),
            "a.onnx",
            {},
            ArgumentError,
            "dynamic_relu: the input must have shape (N, C, H, W) with C = num_channels = 5, got (2, 4, 6, 6)",
        ),
    ]
    for first, path, more, error, message in cases:
        with pytest.raises(error, match=re.escape(message)):
            lnn.export(first, tmp_path / path, **more)
    assert list(tmp_path.iterdir()) == []
