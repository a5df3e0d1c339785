"""Fresh memory is NaN in these tests (tests/conftest.py), so that an element no kernel writes is seen."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from twins import DTYPES, needs_native, normal

import leaky
from leaky.kernels import native


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_way_to_fresh_memory_gives_nan(dtype: torch.dtype) -> None:
    last = torch.zeros(2, 3, 4, 5, dtype=dtype).to(memory_format=torch.channels_last)
    for fresh in (
        torch.empty(7, dtype=dtype),
        torch.empty_like(last),
        torch.empty_strided((2, 3), (1, 2), dtype=dtype),
        last.new_empty(3),
        last.new_empty_strided((2, 3), (1, 2)),
    ):
        assert fresh.isnan().all()
    assert (torch.empty(7, dtype=torch.uint8) == 255).all()
    assert (torch.empty(7, dtype=torch.int32) == 2**31 - 1).all()


def forgetful(kernel: Any) -> Any:
    """The kernel, but for the last number of every tensor after the first: those it writes are among them."""

    def run(first: torch.Tensor, *rest: Any, **keywords: Any) -> None:
        tensors = [t for t in rest if isinstance(t, torch.Tensor)]
        before = [t.clone() for t in tensors]
        kernel(first, *rest, **keywords)
        for now, was in zip(tensors, before, strict=True):
            now.view(-1)[-1] = was.view(-1)[-1]

    return run


@needs_native
@pytest.mark.parametrize("name", ["leaky_relu_forward", "leaky_relu_backward"])
def test_an_element_left_out_by_the_element_wise_kernels_is_seen(name: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(native, name, forgetful(getattr(native, name)))
    x = (normal(9000).abs().neg() - 1).requires_grad_()
    y = leaky.nn.functional.leaky_relu(x, 0.1)
    y.backward(torch.ones_like(y))
    if name == "leaky_relu_forward":
        assert y.isnan().tolist() == [False] * 8999 + [True]
        assert x.grad[-1] == 1  # type: ignore[index] # the bit is set where x < 0
    else:
        assert x.grad.isnan().tolist() == [False] * 8999 + [True]  # type: ignore[union-attr]


@needs_native
@pytest.mark.parametrize("kind", ["BatchNorm", "InstanceNorm"])
@pytest.mark.parametrize("name", ["norm_act_forward", "norm_act_backward"])
def test_an_element_left_out_by_the_norms_kernels_is_seen(kind: str, name: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(native, name, forgetful(getattr(native, name)))
    layer = getattr(leaky.nn, f"{kind}Act1d")(3, affine=True)
    x = normal(4, 3, 100).requires_grad_()
    y = layer(x)
    y.backward(normal(4, 3, 100, seed=1))
    if name == "norm_act_forward":
        assert y.isnan().flatten().tolist() == [False] * 1199 + [True]
    else:
        for gradient in (x.grad, layer.weight.grad, layer.bias.grad):
            assert gradient.isnan().flatten().tolist() == [False] * (gradient.numel() - 1) + [True]
