"""Habits of real models that `lean` must see through: each was once a wrong number, a crash, or a site missed."""

from __future__ import annotations

import copy
import dataclasses
import functools
import types
from collections.abc import Callable
from typing import Any

import lean_models as zoo
import pytest
import torch
import torch.nn.functional as F
from test_lean import assert_same, everything, made, needs_native, results
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recomputed

import leaky
from leaky.errors import ArgumentError
from leaky.models import compare, random_inputs, saved_bytes


def conv(channels: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, padding=1)


class Block(nn.Module):
    """Convolution, norm, and what `inside` does with the two; then a convolution."""

    def __init__(self, inside: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.conv, self.norm, self.act, self.last = (
            conv(3, 8),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.1),
            conv(8, 2),
        )
        self.inside = inside

    def forward(self, x: Tensor) -> Any:
        return self.inside(self, self.norm(self.conv(x)))


def usual(block: Any, z: Tensor) -> Tensor:
    return block.last(block.act(z))


def kept(block: Any, z: Tensor) -> Tensor:
    block.seen = [z]
    return block.last(block.act(z))


def through_a_view(block: Any, z: Tensor) -> Tensor:
    y = block.act(z)
    flat = y.ravel()
    flat += 1
    return block.last(y)


def otherwise_in_eval(block: Any, z: Tensor) -> Tensor:
    y = block.last(block.act(z))
    return y if block.training or z.sum() > 1e9 else y + z.mean()


def in_place_call(block: Any, z: Tensor) -> Tensor:
    return block.last(F.leaky_relu(z, 0.1, inplace=True))


class Wrapped(nn.Module):
    """An activation module of the user's own around a call."""

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, 0.2)


def block(inside: Callable[[Any, Tensor], Any] = usual, act: nn.Module | None = None) -> Block:
    made = Block(inside)
    made.act = act or made.act
    return made


class Split(nn.Module):
    """The norm ends one module, the activation is outside it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 8), nn.BatchNorm2d(8))
        self.act, self.last = nn.LeakyReLU(0.1), conv(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.body(x)))


class Unregistered(nn.Module):
    """Activations in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.acts, self.last = conv(3, 8), [nn.LeakyReLU(0.1)], conv(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.acts[0](self.conv(x)) * 2)


@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("inside", [through_a_view, otherwise_in_eval, in_place_call])
def test_the_same_numbers_in_the_mode_it_was_made_lean_in_and_in_the_other(
    inside: Any, mode: bool, with_example: bool
) -> None:
    model, plain = (made(lambda: block(inside)).train(mode) for _ in range(2))
    leaky.lean(model, zoo.images() if with_example else None)
    for training in (mode, not mode):
        assert_same(*(results(one.train(training), zoo.images()) for one in (model, plain)))


@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_what_a_forward_keeps_as_an_attribute_stays_what_it_was(with_example: bool) -> None:
    model, plain = made(lambda: block(kept)), made(lambda: block(kept))
    report = leaky.lean(model, zoo.images() if with_example else None)
    for one in (model, plain):
        one(zoo.images())
    torch.testing.assert_close(model.seen[0], plain.seen[0])
    assert "its output is kept as `seen`" in report.sites[0].reason
    leaky.lean(made(lambda: block(kept)), zoo.images())
    plain.seen = [plain(zoo.images())]
    leaky.lean(plain, zoo.images())  # what was computed before can be copied


def test_hooks_between_the_two_that_are_added_later() -> None:
    model, plain = made(Split), made(Split)
    leaky.lean(model)
    seen: list[Tensor] = []
    for one in (model, plain):
        one.body.register_forward_hook(lambda module, args, output: seen.append(output.detach().clone()))
        results(one, zoo.images())
    torch.testing.assert_close(seen[0], seen[1])


@needs_native
@pytest.mark.parametrize("make", [lambda: block(in_place_call), lambda: block(usual, Wrapped())])
def test_norms_whose_activation_is_a_call_in_place_or_in_a_module_of_its_own(make: Any) -> None:
    model, plain = made(make), made(make)
    report = leaky.lean(model)
    assert "norm" in [site.name for site in report.changed]
    x = zoo.images()
    assert saved_bytes(lambda: model(x), model) < 0.7 * saved_bytes(lambda: plain(x), plain)
    assert_same(results(model, x), results(plain, x))


@needs_native
def test_activations_that_are_not_registered() -> None:
    model, plain = made(Unregistered), made(Unregistered)
    with pytest.raises(ArgumentError, match="an `example` may show more"):
        leaky.lean(model)
    assert leaky.lean(model, zoo.images()).changed
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))


def three_times(module: Any, x: Tensor) -> Tensor:
    result: Tensor = 3 * type(module).forward(module, x)
    return result


def around(old: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return 3 * old(x)


def by_closure(model: nn.Module) -> None:
    old = model.forward
    model.forward = lambda x: 3 * old(x)


def by_checkpoint(model: nn.Module) -> None:
    old = model.forward
    model.forward = lambda x: recomputed(old, x, use_reentrant=False)


REPLACE = {
    "method": lambda model: setattr(model, "forward", types.MethodType(three_times, model)),
    "partial": lambda model: setattr(model, "forward", functools.partial(around, model.forward)),
    "closure": by_closure,
    "checkpoint": by_checkpoint,
}


@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
@pytest.mark.parametrize("make", [zoo.FunctionalNorm, zoo.Attributes], ids=["call", "module"])
@pytest.mark.parametrize("how", REPLACE)
def test_a_forward_replaced_on_the_instance_stays_in_force(how: str, make: Any, with_example: bool) -> None:
    model, plain = (nn.Sequential(conv(3, 3), made(make)) for _ in range(2))
    plain.load_state_dict(model.state_dict())
    for one in (model, plain):
        REPLACE[how](one[1])
    mine, before = vars(model[1])["forward"], everything(model)
    leaky.lean(model, zoo.images() if with_example else None, dry_run=True)
    assert everything(model) == before
    leaky.lean(model, zoo.images() if with_example else None)
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))
    leaky.unlean(model)
    assert vars(model[1])["forward"] is mine


def test_a_forward_replaced_after_lean_survives_unlean() -> None:
    model = made(zoo.Functional)
    leaky.lean(model)
    lean = model.forward
    model.forward = wrapper = lambda x: 2 * lean(x)
    leaky.unlean(model)
    assert model.forward is wrapper


@needs_native
@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_inside_the_model(reentrant: bool) -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = block()

        def forward(self, x: Tensor) -> Tensor:
            return recomputed(self.inside, x * 1, use_reentrant=reentrant)

    model, plain = made(Outer), made(Outer)
    assert leaky.lean(model, zoo.images()).changed
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))


@dataclasses.dataclass
class Prediction:
    y: Tensor


class InAnObject(zoo.ResidualStem):
    def forward(self, x: Tensor) -> Any:
        return Prediction(super().forward(x))


@needs_native
def test_outputs_in_objects_are_compared_and_no_output_is_an_error() -> None:
    model = made(InAnObject)
    report = leaky.lean(model, zoo.images())
    assert "modified by an inplace operation" in next(s.reason for s in report.sites if s.name == "block.2")
    model(zoo.images()).y.sum().backward()
    with pytest.raises(ArgumentError, match="returns no tensor that could be compared"):
        leaky.lean(block(lambda block, z: None), zoo.images())


@needs_native
def test_sparse_tensors_complex_weights_and_inputs_that_are_read_as_numbers() -> None:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.phase = nn.Parameter(torch.ones(1, dtype=torch.complex64))
            self.table, self.linear = nn.Embedding(8, 16, sparse=True), nn.Linear(16, 16)

        def forward(self, index: Tensor, edges: Tensor, mask: Tensor) -> Tensor:
            x = self.linear(self.table(index)) * self.phase.real * torch.from_numpy(mask.numpy())
            return F.leaky_relu(torch.sparse.mm(edges, x), 0.2) * 2

    index, edges = torch.arange(600) % 8, torch.eye(600).to_sparse()
    assert leaky.lean(Graph(), (index, edges, torch.ones(1))).changed


@needs_native
def test_frozen_models_with_inputs_that_learn() -> None:
    model = block().requires_grad_(False)
    report = leaky.lean(model, zoo.images().requires_grad_())
    assert report.changed
    assert report.ratio is not None


def test_eager_is_no_truth_where_it_is_further_off_float64_than_the_lean_model() -> None:
    name = (
        "the gradient of `1.bias`"  # of a deep layer with few values: an element across the kink changes much
    )
    truth = {name: torch.linspace(-1, 1, 512, dtype=torch.float64)}
    near, off = ({name: truth[name].float()} for _ in range(2))
    off[name] = off[name] + 0.13 * (torch.arange(512) == 7)
    assert compare.differs(near, off, lambda: truth, limit=0.1) is None
    assert compare.differs(off, near, lambda: truth, limit=0.1, as_a_whole=True) is None
    assert "is off by 1.3e-01" in str(compare.differs(off, near, lambda: truth, limit=0.1))
    wrong = {name: near[name] * torch.linspace(0.5, 1, 512)}
    assert "is off by" in str(compare.differs(wrong, near, lambda: truth, limit=0.1, as_a_whole=True))
    for value in (float("nan"), float("inf")):
        broken = {name: near[name].index_fill(0, torch.tensor(3), value)}
        assert compare.differs(broken, broken) is None
        assert "is off by inf" in str(compare.differs(broken, near, as_a_whole=True))
        assert "is off by inf" in str(compare.differs(near, broken))


def test_a_forward_that_writes_to_its_parameters_writes_to_copies() -> None:
    class Clipped(zoo.Functional):
        def forward(self, x: Tensor) -> Tensor:
            for parameter in self.parameters():
                parameter.data.clamp_(-1e-3, 1e-3)
            return super().forward(x)

    model = made(Clipped)
    before = everything(model)
    leaky.lean(model, dry_run=True)
    assert everything(model) == before


@needs_native
def test_a_replica_of_a_lean_model_runs_its_own_forward() -> None:
    model = made(zoo.Functional)
    leaky.lean(model)
    replica = model._replicate_for_data_parallel()  # what DataParallel makes for every further device
    assert replica.forward.module is replica
    assert model.forward.module is model
    copied = copy.deepcopy(model)
    assert copied._replicate_for_data_parallel().forward.module is not model


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda model: torch.compile(model, backend="eager"), "`model` is compiled (all of it)"),
        (lambda model: model.to("meta"), "`conv.weight` of `model` has no values yet"),
        (
            lambda model: torch.jit.script(Split()),
            "is TorchScript, whose modules are no longer Python's; make",
        ),
        (lambda model: torch.jit.trace(model, zoo.images()), "make the model lean before torch.jit.trace"),
        (lambda model: setattr(model, "conv", nn.LazyConv2d(8, 3)) or model, "has no values yet"),
    ],
    ids=["compiled", "meta", "scripted", "traced", "lazy"],
)
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_models_that_cannot_be_made_lean_are_one_clear_error(
    spoil: Any, message: str, with_example: bool
) -> None:
    with pytest.raises(ArgumentError) as caught:
        leaky.lean(spoil(block()), zoo.images() if with_example else None)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_with_a_plus_and_modules_made_in_the_forward() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module("conv + norm", zoo.chain())

        def forward(self, x: Tensor) -> Tensor:
            if not hasattr(self, "late"):
                self.late = nn.LeakyReLU(0.3)
            return self.late(getattr(self, "conv + norm")(x))

    model, plain = made(Odd), made(Odd)
    leaky.lean(model, zoo.images())
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))


def test_double_precision_norms_and_inputs_made_for_a_model() -> None:
    model = made(lambda: zoo.chain().double())
    (x,) = random_inputs([(2, 3, 32, 32)], model)
    assert x.dtype == torch.float64
    assert "computes something else" not in str(leaky.lean(model, x))


@needs_native
@pytest.mark.parametrize("make", [zoo.chain, zoo.Functional, zoo.FunctionalNorm])
def test_a_lean_model_can_be_exported(make: Any) -> None:
    model, plain, x = made(make), made(make), zoo.images()
    leaky.lean(model)
    assert_same({"y": torch.export.export(model, (x,)).module()(x)}, {"y": plain(x)})


@needs_native
def test_a_parametrization_registered_later_survives_unlean() -> None:
    model, plain = made(zoo.FunctionalNorm), made(zoo.FunctionalNorm)
    leaky.lean(model)
    for one in (model, plain):
        nn.utils.parametrizations.weight_norm(one.norm, dim=0)
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))
    leaky.unlean(model)
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))
    assert "weight" in model.norm.parametrizations


@needs_native
def test_the_slope_of_a_call_may_change_during_training() -> None:
    def scheduled(block: Any, z: Tensor) -> Tensor:
        return block.last(F.leaky_relu(z, block.slope))

    def make() -> nn.Module:
        model = block(scheduled)
        model.slope = 0.1
        return model

    model, plain = made(make), made(make)
    assert leaky.lean(model, zoo.images()).changed
    for slope in (0.1, 0.5, 0.0, -0.2):
        model.slope = plain.slope = slope
        assert_same(results(model, zoo.images()), results(plain, zoo.images()))


class MayCheckpoint(nn.Module):
    """As transformers' models: a method that nobody calls here would turn checkpointing on."""

    def gradient_checkpointing_enable(self) -> None:
        from torch.utils.checkpoint import checkpoint

        self.run = checkpoint


class Vocoder(MayCheckpoint):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = x + conv(F.leaky_relu(x, 0.1))
        return x


class Checkpoints(Vocoder):
    """Here the forward does it, through a method of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return self.part(x)

    def part(self, x: Tensor) -> Tensor:
        from torch.utils.checkpoint import checkpoint

        return checkpoint(super().forward, x, use_reentrant=False)


@needs_native
@pytest.mark.parametrize("example", [True, False])
def test_only_code_that_a_call_reaches_counts(example: bool) -> None:
    x = [zoo.images()] if example else []
    assert leaky.lean(Vocoder(), *x).changed
    report = leaky.lean(Checkpoints(), *x)
    assert not report.changed
    assert {site.reason for site in report.sites} == {
        "the model checkpoints activations, which would find other tensors"
    }
