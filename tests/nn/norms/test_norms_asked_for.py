"""Norms with LEAKY_KERNELS: kernels that are asked for by name serve, or raise; torch does not stand in unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from twins import KINDS, normal, pair, serve, step, within_torchs_own_error

import leaky
from leaky.errors import KernelError
from leaky.kernels import gpu, native

X = normal(4, 8, 16, 16)
NAMES = {"native": "native", "triton": "Triton"}


@pytest.fixture(params=["native", "triton"])
def asked_for(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    kernel: str = request.param
    if not native.available() if kernel == "native" else gpu.why_not(X) is not None:
        pytest.skip(f"the {NAMES[kernel]} kernels do not run on a CPU here")
    serve(kernel, monkeypatch)
    return kernel


def layer(kind: str, **options: Any) -> Any:
    norm = leaky.nn.GroupNormAct(2, 8, **options) if kind == "GroupNorm" else None
    affine = {"affine": True} if kind == "InstanceNorm" else {}
    return norm or getattr(leaky.nn, f"{kind}Act2d")(8, **affine, **options)


UNSUITED: dict[str, tuple[Callable[[str], Any], str]] = {
    "eps 0": (lambda kind: layer(kind, eps=0.0), "eps is 0"),
    "eps below 0": (lambda kind: layer(kind, eps=-0.5).eval(), "eps is -0.5"),
    "float64 weights": (
        lambda kind: layer(kind).double(),
        "weights of torch.float64 with an input of torch.float32",
    ),
    "bfloat16 weights": (
        lambda kind: layer(kind).bfloat16().eval(),
        "weights of torch.bfloat16 with an input of torch.float32",
    ),
    "weights elsewhere": (
        lambda kind: layer(kind, device="meta"),
        "the module's tensors are not plain vectors of 8 elements on cpu",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("why", UNSUITED)
def test_what_kernels_cannot_do_raises(kind: str, why: str, asked_for: str) -> None:
    make, reason = UNSUITED[why]
    norm = make(kind)
    told = (
        f"LEAKY_KERNELS={asked_for}: the {NAMES[asked_for]} kernels cannot serve this call: {reason}; "
        "leave LEAKY_KERNELS unset"
    )
    for call in (norm, norm.explain):
        with pytest.raises(KernelError) as raised:
            call(X)
        assert str(raised.value) == told


def test_torch_stands_in_where_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(None, monkeypatch)
    ours, plain = pair("GroupNorm", 2, 0.1, eps=0.0)
    x = normal(4, 5, 9, 11)
    assert ours.explain(x).reason == "eps is 0"
    assert torch.equal(ours(x), plain(x))


def test_wrong_channels_are_torchs_to_refuse(asked_for: str) -> None:
    with pytest.raises(RuntimeError, match="running_mean should contain 9 elements not 8"):
        leaky.nn.BatchNormAct2d(8)(normal(4, 9, 8, 8))


@pytest.mark.parametrize("kind", ["BatchNorm", "InstanceNorm"])
def test_no_momentum_is_the_kernels_as_well(kind: str, asked_for: str) -> None:
    """The mean of all batches of BatchNorm; InstanceNorm does not move, as in torch."""
    ours, plain = pair(kind, 2, 0.1, momentum=None, affine=True, track_running_stats=True)
    for seed in (1, 2, 3):
        x = normal(4, 5, 9, 11, seed=seed) + seed
        assert ours.explain(x).kernel == asked_for
        torch.testing.assert_close(ours(x), plain(x))
    for name, buffer in plain.norm.named_buffers():
        torch.testing.assert_close(getattr(ours, name), buffer, msg=name)


def test_groups_without_space(asked_for: str) -> None:
    """Torch is faster there, and serves where nobody asks."""
    x, grad = normal(52, 5), normal(52, 5, seed=1)
    (ours, plain), (_, truth) = (pair("GroupNorm", 0, 0.1) for _ in range(2))
    assert ours.explain(x).kernel == asked_for
    found, exact = step(ours, x, grad), step(truth.double(), x.double(), grad.double())
    within_torchs_own_error(found, step(plain, x, grad), exact, x.dtype)
