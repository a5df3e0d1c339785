"""The kernel that counts units in one reading, against torch in float64."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from leaky.doctor import onepass  # noqa: E402
from leaky.kernels import native  # noqa: E402

pytestmark = pytest.mark.skipif(not native.available(), reason="the native kernels are not built here")

SHAPES = [
    ((7, 5), 1),
    ((130, 1024), 1),
    ((3000, 33), 1),
    ((4, 8, 5, 5), 1),
    ((4, 8, 64, 64), 1),
    ((2, 3, 1000), 1),
    ((3, 17, 70), 2),
    ((1, 1, 1), 1),
    ((0, 4), 1),
]


def written_out(x: torch.Tensor, unit: int) -> torch.Tensor:
    over = [dim for dim in range(1, x.dim()) if dim != unit] if x.dim() > 2 else [0]
    high, low = x.double().clamp(min=0), x.double().clamp(max=0)
    rows = [(x > 0).double(), (x < 0).double(), high, low, high * high, low * low]
    return torch.stack([row.sum(over) for row in rows])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("shape", "unit"), SHAPES)
def test_against_float64(shape: tuple[int, ...], unit: int, dtype: torch.dtype, threads: int) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    x[x.abs() < 0.1] = 0
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = onepass.counted(x, unit)
    finally:
        torch.set_num_threads(before)
    assert found is not None
    expected = written_out(x, unit)
    assert torch.equal(found[:2], expected[:2])
    assert torch.allclose(found, expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 40, 9, 9), (2, 6, 4, 5, 6)])
def test_channels_last(shape: tuple[int, ...]) -> None:
    kind = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=kind)
    found = onepass.counted(x, 1)
    assert found is not None
    assert torch.allclose(found, written_out(x, 1), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("shape", [(40, 70), (2, 3, 50)])
def test_what_is_not_finite_shows(shape: tuple[int, ...], value: float) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x[1, 2] = value
    found = onepass.counted(x, 1)
    assert found is not None
    assert not bool(found[2:].sum().isfinite())


def test_other_layouts_are_left_to_torch() -> None:
    assert onepass.counted(torch.randn(4, 6).t(), 1) is None
    assert onepass.counted(torch.randn(4, 6, 5).transpose(1, 2), 1) is None
    assert onepass.counted(torch.randn(4, 6, 5, 3), 2) is None
