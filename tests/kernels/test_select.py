"""Which kernels serve a layer on a tensor, and why none do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import leaky  # noqa: E402
from leaky.errors import ArgumentError, KernelError  # noqa: E402
from leaky.kernels import gpu, native  # noqa: E402
from leaky.kernels.select import LAYERS, serving  # noqa: E402

explain = leaky.kernels.explain
REQUESTED = "leaky.kernels.select.REQUESTED"
x = torch.ones(2**16)
needs_native = pytest.mark.skipif(not native.available(), reason="the native kernels are not built here")
interpreted = pytest.mark.skipif(gpu.why_not(x) is not None, reason="Triton does not run on a CPU here")
every_layer = pytest.mark.parametrize(
    "layer", [name for name, row in LAYERS.items() if row.native is not None]
)
by_torch = pytest.mark.parametrize("layer", [name for name, row in LAYERS.items() if row.native is None])


@needs_native
@every_layer
def test_the_cpu_has_kernels_for_every_layer(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REQUESTED, None)
    assert serving(layer, x) == (LAYERS[layer].native, "")


@every_layer
def test_plain_torch_when_asked_for(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REQUESTED, "plain")
    assert serving(layer, x) == (None, "LEAKY_KERNELS=plain")


@interpreted
@every_layer
def test_triton_when_asked_for_and_written(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REQUESTED, "triton")
    written = LAYERS[layer].triton
    if written is not None:
        assert serving(layer, x) == (written, "")


@needs_native
@every_layer
def test_small_tensors_are_left_to_torch(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REQUESTED, "native")
    least = LAYERS[layer].small
    if least:
        assert serving(layer, x[: least - 1]) == (None, f"{least - 1} elements are fewer than {least}")
    assert serving(layer, x[:least])[0] is LAYERS[layer].native
    assert serving(layer, x[:8], small=8)[0] is LAYERS[layer].native


@needs_native
@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64], ids=str)
@every_layer
def test_kernels_asked_for_raise_where_they_cannot_run(
    layer: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = torch.ones(2**16, dtype=dtype)
    monkeypatch.setattr(REQUESTED, None)
    assert serving(layer, large) == (None, f"dtype {dtype} has no native kernel")
    monkeypatch.setattr(REQUESTED, "native")
    with pytest.raises(KernelError) as raised:
        serving(layer, large)
    refused = "LEAKY_KERNELS=native: the native kernels cannot serve this call"
    assert str(raised.value) == f"{refused}: dtype {dtype} has no native kernel; leave LEAKY_KERNELS unset"


@by_torch
def test_layers_that_torch_serves_from_their_output(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for asked_for in (None, "native") if native.available() else (None,):
        monkeypatch.setattr(REQUESTED, asked_for)
        assert serving(layer, x)[0] is None
    assert explain(layer, x).keeps == "its output"
    assert explain(layer, x.bfloat16()).keeps == explain(layer, x[:9]).keeps == "its input"


@interpreted
@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda t: leaky.nn.functional.elu(t), "elu"),
        (lambda t: leaky.nn.CELU()(t), "celu"),
        (lambda t: leaky.gelu(t), "leaky.gelu"),
        (lambda t: leaky.nn.SiLU(beta=2.0)(t), "leaky.silu"),
        (lambda t: leaky.nn.SShapedReLU()(t), "leaky.nn.SShapedReLU"),
        (lambda t: leaky.nn.functional.bias_act(t, activation="gelu"), "bias_act with gelu"),
        (lambda t: leaky.nn.GroupNormAct(2, 4, activation="gelu")(t), "a norm with gelu"),
        (lambda t: leaky.nn.PReLU(t.shape[1:])(t), "a PReLU with a slope per element"),
        (lambda t: leaky.kernels.explain("selu", t), "selu"),
        (lambda t: leaky.kernels.explain("mish", t), "leaky.mish"),
    ],
)
def test_triton_asked_for_where_there_is_none(
    call: Callable[[torch.Tensor], Any], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(REQUESTED, "triton")
    leaf = x.view(2, 4, -1).clone().requires_grad_()
    with pytest.raises(KernelError) as raised:
        call(leaf)
    message = str(raised.value)
    assert message.startswith(f"LEAKY_KERNELS=triton: {what}")
    assert message.endswith(" has no kernel in Triton; leave LEAKY_KERNELS unset")
    call_of_few = leaf[:, :, :9].detach().requires_grad_()
    call(call_of_few)


@needs_native
@every_layer
def test_layers_are_explained(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REQUESTED, None)
    there = explain(layer, x)
    assert (there.kernel, there.keeps) == ("native", LAYERS[layer].keeps) or layer == "softplus"
    monkeypatch.setattr(REQUESTED, "plain")
    assert explain(layer, x).reason == "LEAKY_KERNELS=plain"
    if gpu.why_not(x) is None and LAYERS[layer].triton is not None:
        monkeypatch.setattr(REQUESTED, "triton")
        there = explain(layer, x)
        assert (there.kernel, there.keeps) == ("triton", LAYERS[layer].keeps_in_triton or LAYERS[layer].keeps)


@pytest.mark.parametrize("name", leaky.catalogue)
def test_every_entry_is_explained(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REQUESTED, None)
    assert explain(name, x.view(2, 4, -1)).keeps


def test_what_cannot_be_explained() -> None:
    with pytest.raises(ArgumentError, match="bias_act takes no parameters, got gain"):
        explain("bias_act", x, gain=2)
    with pytest.raises(ArgumentError, match="negative_slope"):
        explain("leaky_relu", x, negative_slope=float("nan"))


@needs_native
def test_what_torch_serves_as_well_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REQUESTED, "native")
    assert serving("softplus", x.double()) == (None, "torch's own operations serve torch.float64")


@needs_native
def test_tensors_beside_the_input_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REQUESTED, None)
    turned = torch.complex(x, x).conj().imag
    assert serving("bias_act", x, None, x)[0] is LAYERS["bias_act"].native
    assert serving("bias_act", x, turned)[0] is None
    assert "whose sign is still to be changed" in serving("bias_act", x, turned)[1]
    monkeypatch.setattr(REQUESTED, "native")
    with pytest.raises(KernelError, match="beside the input"):
        serving("bias_act", x, turned)


@pytest.mark.parametrize("name", ["native", "triton"])
def test_every_layer_finds_its_functions(name: str) -> None:
    """A module that stands in the table has what the layer calls."""
    needed = {
        "relu": ("leaky_relu_forward", "leaky_relu_backward"),
        "relu6": ("clamp_forward", "leaky_relu_backward"),
        "leaky_relu": ("leaky_relu_forward", "leaky_relu_backward"),
        "hardtanh": ("clamp_forward", "leaky_relu_backward"),
        "rrelu": ("rrelu_forward", "rrelu_backward"),
        "prelu": ("prelu_forward", "prelu_backward"),
        "dropout": ("dropout_forward", "dropout_backward"),
        "softplus": ("softplus_backward",),
        "bias_act": ("bias_act_forward", "bias_act_backward"),
        "norm_act": ("norm_act_forward", "norm_act_backward"),
    }
    for layer, row in LAYERS.items():
        module = getattr(row, name)
        assert module is None or all(callable(getattr(module, function)) for function in needed[layer])
