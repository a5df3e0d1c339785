"""`torch.compile(fullgraph=True)` sees through the functions: one graph, the same numbers and gradients."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

import leaky  # noqa: E402

CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("relu", {}, "float32"),
    ("leaky_relu", {"negative_slope": 0.2}, "bfloat16"),
    ("prelu", {"negative_slope": torch.tensor([[0.1], [0.2], [0.3]])}, "float32"),
    ("elu", {}, "float64"),
    ("gelu", {"approximate": "tanh"}, "float16"),
    ("mish", {}, "float32"),
    ("crelu", {}, "float32"),
]


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
@pytest.mark.parametrize(("name", "parameters", "dtype"), CALLS)
def test_one_graph(name: str, parameters: dict[str, Any], dtype: str) -> None:
    torch._dynamo.reset()
    function = getattr(leaky, name)
    compiled = torch.compile(lambda x: function(x, **parameters), fullgraph=True, backend="aot_eager")
    x = torch.linspace(-30, 30, 24, dtype=getattr(torch, dtype)).reshape(2, 3, 4)
    given, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, wanted = compiled(given), function(other, **parameters)
    assert y.dtype == wanted.dtype
    torch.testing.assert_close(y, wanted)
    y.sum().backward()
    wanted.sum().backward()
    torch.testing.assert_close(given.grad, other.grad)


@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
def test_a_parameter_that_changes_from_call_to_call() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(leaky.leaky_relu, fullgraph=True, backend="aot_eager")
    x = torch.linspace(-3, 3, 7)
    for slope in (0.1, 0.2, 0.3, -1.0, 0.0):
        assert torch.equal(compiled(x, slope), leaky.leaky_relu(x, slope))
