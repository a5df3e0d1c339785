"""SyncBatchNormAct in two real processes against BatchNormAct on the whole batch; converters; one process."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from sync_worker import (
    KERNELS,
    SCENARIOS,
    WIDE,
    Results,
    data,
    images,
    layer_of,
    model,
    run,
    scenarios,
    step,
    trained,
    work,
)
from torch import distributed, nn
from twins import normal

import leaky

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="torch without torch.distributed")
LIMITS = {torch.float32: 3e-5, torch.bfloat16: 3e-2, WIDE: 1e-10}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Results]]:
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(work, (str(folder),), nprocs=2)
    return [torch.load(Path(folder, f"{rank}.pt")) for rank in (0, 1)]


def assert_together(found: list[Results], whole: Results, limit: float) -> None:
    """Outputs are the parts of one, gradients of weights its summands, and buffers on both ranks the same."""
    assert found[0].keys() == found[1].keys() == whole.keys()
    for name, wanted in whole.items():
        one, other = (part[name] for part in found)
        if name.startswith("own "):
            together = [one, other]
        elif name.startswith("sum "):
            together = [one + other]
        else:
            together = [torch.cat([one, other])]
        for tensor in together:
            error = (tensor.double() - wanted.double()).abs().max() / (wanted.double().abs().max() + 1e-30)
            assert error <= limit, (name, error)


@pytest.mark.parametrize(("kernel", "name"), [(kernel, n) for kernel in KERNELS for n in scenarios(kernel)])
def test_as_on_one_batch(ranks: list[dict[str, Results]], name: str, kernel: str) -> None:
    scenario = SCENARIOS[name]
    dtype = scenario[2]
    whole = run(scenario, leaky.nn.BatchNormAct2d, None)
    assert_together([found[f"{kernel} {name}"] for found in ranks], whole, LIMITS[dtype])


@pytest.mark.parametrize("kernel", KERNELS)
def test_inside_distributed_data_parallel(ranks: list[dict[str, Results]], kernel: str) -> None:
    """Three steps on five and three samples are three steps on eight: the mean over ranks of twice the gradient."""
    whole = trained(model(), images(), 1.0)
    assert_together([found[f"{kernel} ddp"] for found in ranks], whole, 1e-10)


def test_a_group_of_one_is_a_batch_norm(ranks: list[dict[str, Results]]) -> None:
    expected = step(layer_of(leaky.nn.BatchNormAct2d, 0.2, WIDE), *data(WIDE))
    torch.testing.assert_close(ranks[0]["alone"], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("space", [(), (9,), (6, 7), (3, 4, 2)], ids=str)
def test_in_one_process_it_is_a_batch_norm_of_any_rank(space: tuple[int, ...]) -> None:
    x, grad = data(WIDE, space)
    found = step(layer_of(leaky.nn.SyncBatchNormAct, 0.2, WIDE), x, grad)
    plain = nn.Sequential(nn.SyncBatchNorm(5, dtype=WIDE), nn.LeakyReLU(0.2))
    plain[0].load_state_dict(layer_of(leaky.nn.SyncBatchNormAct, 0.2, WIDE).state_dict())
    expected = {name.replace("0.", ""): value for name, value in step(plain, x, grad).items()}
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_checkpoints_go_both_ways_and_it_is_pickled_and_copied() -> None:
    ours, torchs = layer_of(leaky.nn.SyncBatchNormAct, 0.2, WIDE), nn.SyncBatchNorm(5, dtype=WIDE)
    torchs.load_state_dict(ours.state_dict())
    ours.load_state_dict(torchs.state_dict())
    x = data(WIDE)[0]
    for copied in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(copied(x), ours(x))


@pytest.mark.parametrize(
    ("shape", "message"),
    [((5,), "at least 2D input"), ((2, 0), "non-zero"), ((1, 5), "Expected more than 1 value per channel")],
)
def test_torchs_words_for_wrong_inputs(shape: tuple[int, ...], message: str) -> None:
    layer = leaky.nn.SyncBatchNormAct(shape[1] if len(shape) > 1 else 5)
    with pytest.raises(ValueError, match=message):
        layer(torch.ones(shape))


def test_convert_keeps_activations_tensors_and_flags() -> None:
    before = nn.Sequential(
        leaky.nn.BatchNormAct1d(4, activation="elu", momentum=None),
        nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()),
        leaky.nn.GroupNormAct(2, 4),
        leaky.nn.BatchNormAct3d(4, affine=False, track_running_stats=False).eval(),
        leaky.nn.SyncBatchNormAct(4),
    )
    tensors = {name: id(t) for name, t in [*before.named_parameters(), *before.named_buffers()]}
    group: Any = object()
    after: Any = leaky.nn.convert_sync_batchnorm(before, group)
    assert after is before
    assert [type(after[place]) for place in (0, 3, 4)] == [leaky.nn.SyncBatchNormAct] * 3
    assert type(after[1][0]) is nn.SyncBatchNorm
    assert type(after[2]) is leaky.nn.GroupNormAct
    assert str(after[0].activation) == "elu(alpha=1.0)"
    assert after[0].momentum is None
    assert (after[3].training, after[3].affine, after[3].running_mean) == (False, False, None)
    assert all(after[place].process_group is group for place in (0, 3, 4))
    assert {name: id(t) for name, t in [*after.named_parameters(), *after.named_buffers()]} == tensors


def test_convert_does_not_activate_twice_what_lean_has_fused() -> None:
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.LeakyReLU(0.1))
    x = normal(4, 2, 9, 9)
    expected = model(x)
    leaky.lean(model)
    converted: Any = leaky.nn.convert_sync_batchnorm(model)
    assert type(converted[1]) is nn.SyncBatchNorm
    torch.testing.assert_close(converted(x), expected)
