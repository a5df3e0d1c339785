"""`leaky.nn.recompute`: layers behind keep no output that backward can compute again, and nothing else changes."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.checkpoint import checkpoint

import leaky
from leaky.models import saved_bytes

NORMS: dict[str, Callable[..., nn.Module]] = {
    "batch": lambda: leaky.nn.BatchNormAct2d(8, activation="relu"),
    "batch in eval": lambda: leaky.nn.BatchNormAct2d(8, activation="relu").eval(),
    "instance": lambda: leaky.nn.InstanceNormAct2d(8, affine=True, activation="relu"),
    "group": lambda: leaky.nn.GroupNormAct(2, 8, activation="relu"),
    "no weights": lambda: leaky.nn.GroupNormAct(2, 8, affine=False, activation="relu"),
    "zero weights": lambda: leaky.nn.BatchNormAct2d(8, activation="leaky_relu(negative_slope=0.1)"),
}


class Chain(nn.Module):
    """Convolution, norm with activation, and a layer that keeps what it reads; `again` is what that runs in."""

    def __init__(
        self, norm: nn.Module, behind: Callable[[Tensor, Tensor], Tensor], channels: int = 8
    ) -> None:
        super().__init__()
        self.conv, self.norm, self.behind = nn.Conv2d(3, channels, 3, padding=1), norm, behind
        self.weight = nn.Parameter(torch.randn(4, channels, 3, 3))
        self.again: Callable[[], Any] = leaky.nn.recompute

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        with self.again():
            return self.behind(y, self.weight)


def conv(y: Tensor, weight: Tensor) -> Tensor:
    return torch.conv2d(y, weight)


def chain(name: str = "batch", behind: Callable[[Tensor, Tensor], Tensor] = conv) -> Chain:
    torch.manual_seed(0)
    made = Chain(NORMS[name](), behind)
    for parameter in made.norm.parameters():
        nn.init.zeros_(parameter) if name == "zero weights" else nn.init.normal_(parameter)
    return made


def image(**how: Any) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 3, 16, 16, **how).requires_grad_()


def gradients(model: Chain, x: Tensor) -> tuple[Tensor, ...]:
    loss = model(x).square().sum() + model.weight.sum()  # not every layer behind has weights
    return torch.autograd.grad(loss, [x, *model.parameters()])


def assert_same_as_kept(model: Chain, x: Tensor) -> None:
    again = gradients(model, x)
    model.again = nullcontext
    for found, wanted in zip(again, gradients(model, x), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels last"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", NORMS)
def test_the_same_bits_without_the_output(name: str, dtype: torch.dtype, channels_last: bool) -> None:
    model, x = chain(name).to(dtype), image(dtype=dtype)
    x = x.detach().to(memory_format=torch.channels_last).requires_grad_() if channels_last else x
    kept = saved_bytes(lambda: model(x), model)
    output = 2 * 8 * 16 * 16 * x.element_size()
    model.again = nullcontext
    assert saved_bytes(lambda: model(x), model) - kept == output
    model.again = leaky.nn.recompute
    assert_same_as_kept(model, x)


@pytest.mark.parametrize("name", NORMS)
def test_the_same_on_a_gpu(gpu_or_interpreter: str, name: str) -> None:
    model, x = chain(name).to(gpu_or_interpreter), image(device=gpu_or_interpreter)
    kept = saved_bytes(lambda: model(x), model)
    model.again = nullcontext
    assert saved_bytes(lambda: model(x), model) - kept == 2 * 8 * 16 * 16 * 4
    model.again = leaky.nn.recompute
    assert_same_as_kept(model, x)


def test_a_leaky_relu_with_an_inverse_keeps_its_output_on_a_cpu() -> None:
    model = chain("zero weights")
    nn.init.ones_(model.norm.weight)  # type: ignore[arg-type]  # a module's attributes are Tensor | Module
    kept = saved_bytes(lambda: model(image()), model)
    model.again = nullcontext
    assert saved_bytes(lambda: model(image()), model) == kept


def test_gradients_of_gradients() -> None:
    def twice(model: Chain) -> tuple[Tensor, ...]:
        x = image(dtype=torch.float64)
        (first,) = torch.autograd.grad(model(x).square().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), [x, *model.parameters()])

    model = chain("group").double()
    again = twice(model)
    model.again = nullcontext
    for found, wanted in zip(again, twice(model), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


BEHIND: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "a view": lambda y, w: y.flatten(1)[:, 5:-3] @ w.new_ones(8 * 256 - 8, 2),
    "a transposed view": lambda y, w: y.transpose(1, 3) @ w.new_ones(8, 2),
    "two layers": lambda y, w: torch.conv2d(y, w) * torch.conv2d(y, w.flip(2)).sigmoid(),
    "a maximum": lambda y, w: nn.functional.max_pool2d(y, 3, 2, 1),
    "a negative view": lambda y, w: torch.conv2d(_imaginary(y), w[:, :, :, :1]),
    "a copy": lambda y, w: torch.conv2d(y.clone(), w),
    "changed before": lambda y, w: torch.conv2d(y.add_(1), w),
    "changed behind autograd's back": lambda y, w: torch.conv2d(_doubled(y), w),
    "seen as other numbers": lambda y, w: (
        torch.conv2d(y, w)
        * torch.view_as_complex(y.unflatten(0, (-1, 2)).movedim(1, -1).contiguous()).real.sum()
    ),
}


def _imaginary(y: Tensor) -> Tensor:
    return torch.view_as_complex(y.unflatten(-1, (8, 2))).conj().imag


def _doubled(y: Tensor) -> Tensor:
    with torch.no_grad():
        return y.mul_(2)


@pytest.mark.parametrize("behind", BEHIND.values(), ids=list(BEHIND))
def test_whatever_is_made_of_the_output(behind: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert_same_as_kept(chain(behind=behind), image())


def test_an_output_changed_after_the_layer_behind_has_read_it() -> None:
    def behind(y: Tensor, weight: Tensor) -> Tensor:
        z = torch.conv2d(y, weight)
        y += 1  # torch raises here: the numbers that backward needs are gone; computed again, they are not
        return z

    def untouched(y: Tensor, weight: Tensor) -> Tensor:
        return torch.conv2d(y, weight)

    for found, wanted in zip(
        *(gradients(chain(behind=b), image()) for b in (behind, untouched)), strict=True
    ):
        assert torch.equal(found, wanted)


def test_other_tensors_that_change_in_place_raise_as_in_torch() -> None:
    model, x = chain(), image()
    z = model(x)
    with torch.no_grad():
        model.weight.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*expected version 0"):
        z.sum().backward()
    model = chain()
    z = model(x)
    with torch.no_grad():
        model.norm.weight.add_(1)  # type: ignore[operator]  # as above
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_a_graph_is_run_twice_or_freed_as_in_torch() -> None:
    model, x = chain(), image()
    z = model(x).sum()
    first = torch.autograd.grad(z, x, retain_graph=True)
    assert torch.equal(first[0], torch.autograd.grad(z, x)[0])
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()


@pytest.mark.parametrize("reentrant", [False, True])
def test_within_checkpoints(reentrant: bool) -> None:
    model, x = chain("instance"), image()
    wanted = gradients(model, x)
    loss = checkpoint(model, x, use_reentrant=reentrant).square().sum() + model.weight.sum()
    loss.backward()
    for found, grad in zip([x.grad, *(p.grad for p in model.parameters())], wanted, strict=True):
        assert found is not None
        assert torch.equal(found, grad)


@pytest.mark.parametrize("create_graph", [False, True], ids=["once", "twice"])
def test_nothing_lives_on_where_a_backward_stops_behind_the_norm(create_graph: bool) -> None:
    model, x = chain(), image()
    seen: list[StorageWeakRef] = []
    model.conv.register_forward_hook(lambda m, args, z: seen.append(StorageWeakRef(z.untyped_storage())))
    loss = model(x).square().sum()
    (found,) = torch.autograd.grad(loss, model.weight, create_graph=create_graph)
    del loss, found
    gc.collect()
    assert seen[0].expired()


def test_gradients_of_gradients_within_checkpoints() -> None:
    model, x = chain("group"), image()

    def twice(run: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        (first,) = torch.autograd.grad(run(x).square().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), [x, model.weight])

    wanted = twice(model)
    for found, grad in zip(twice(lambda x: checkpoint(model, x, use_reentrant=False)), wanted, strict=True):
        torch.testing.assert_close(found, grad)


def test_hooks_entered_before_are_given_what_is_kept() -> None:
    model, x = chain(), image()
    wanted = gradients(model, x)
    with save_on_cpu():
        found = gradients(model, x)
    assert all(map(torch.equal, found, wanted))
    seen: list[torch.Size] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (seen.append(t.shape), t)[1], lambda t: t):
        model(x)
    assert seen.count(model.weight.shape) == 1


@pytest.mark.parametrize("activation", [None, nn.SiLU()], ids=["norm with ReLU", "norm, SiLU"])
def test_hooks_may_give_tensors_back_in_another_layout(activation: nn.Module | None) -> None:
    def model() -> nn.Module:
        torch.manual_seed(0)
        norm = nn.Sequential(nn.BatchNorm2d(8), activation or nn.ReLU())
        return nn.Sequential(nn.Conv2d(3, 8, 3), norm, nn.Conv2d(8, 4, 3)).to(
            memory_format=torch.channels_last
        )

    x = image().detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    plain, lean = model(), model()
    leaky.lean(lean, x)
    for kept in (torch.contiguous_format, torch.channels_last):
        found = []
        for one in (plain, lean):
            with torch.autograd.graph.saved_tensors_hooks(
                lambda t, kept=kept: t.detach().clone(memory_format=kept) if t.dim() == 4 else t, lambda t: t
            ):
                y = one(x)
            found.append(torch.autograd.grad(y.square().sum(), [x, *one.parameters()]))
        torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4)


def test_what_reads_a_view_without_gradients_outlives_the_graph() -> None:
    model, weight = chain(), torch.randn(4, 8, 3, 3, requires_grad=True)
    y = model.norm(model.conv(image()))
    with torch.no_grad():
        view = y[:, :, 1:]
    with leaky.nn.recompute():
        z = torch.conv2d(view, weight)
    y.sum().backward()  # the graph of y is freed
    (found,) = torch.autograd.grad(z.sum(), weight)
    (wanted,) = torch.autograd.grad(torch.conv2d(view.detach(), weight).sum(), weight)
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("create_graph", [False, True])
def test_hooks_are_asked_once_in_each_backward(create_graph: bool) -> None:
    """torch.utils.checkpoint allows no more; the first backward here ends before the norm."""
    model, x = chain(), image()
    asked: list[int] = []

    def unpack(packed: tuple[int, Tensor]) -> Tensor:
        asked.append(packed[0])
        return packed[1]

    numbers = iter(range(1000))
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (next(numbers), t.detach()), unpack):
        loss = model(x).square().sum()
    for inputs in ([model.weight], [x], [x, model.weight]):
        torch.autograd.grad(loss, inputs, retain_graph=True, create_graph=create_graph)
        assert asked
        assert len(set(asked)) == len(asked)
        asked.clear()


def test_where_hooks_cannot_be_layers_keep_what_they_read() -> None:
    lean = nn.Sequential(leaky.nn.BatchNormAct2d(8, activation="relu"), nn.Conv2d(8, 4, 3))
    leaky.models.keeping.twins.read_again(lean[1])
    y = lean[0](torch.randn(2, 8, 32, 32, requires_grad=True))
    with torch.autograd.graph.disable_saved_tensors_hooks("none here"):
        lean[1](y).sum().backward(retain_graph=True)

    def loss(weight: Tensor) -> Tensor:
        return torch.func.functional_call(lean[1], {"weight": weight}, (y,)).sum()

    wanted = lean[1].weight.grad
    torch.testing.assert_close(torch.func.grad(loss)(lean[1].weight.detach()), wanted)


def test_one_may_not_be_entered_within_itself() -> None:
    again = leaky.nn.recompute()
    with again, pytest.raises(RuntimeError, match="make another"), again:
        pass
    with again:
        pass


def test_threads_do_not_see_each_other() -> None:
    from concurrent.futures import ThreadPoolExecutor

    wanted, models, x = gradients(chain(), image()), [chain() for _ in range(8)], image()
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda model: gradients(model, x), models):
            assert all(map(torch.equal, found, wanted))
