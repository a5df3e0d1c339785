"""`lean` keeps the numbers and the model, and drops the bytes; what does not hold is left, and said."""

from __future__ import annotations

import copy
import io
import pickle
import random
import re
from collections.abc import Callable
from typing import Any

import lean_models as zoo
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError, LeakyError
from leaky.kernels import native
from leaky.kernels.select import why_not_native
from leaky.models import saved_bytes

needs_native = pytest.mark.skipif(
    why_not_native(torch.empty(2**20)) is not None, reason="other kernels keep more than is counted here"
)

MODELS: dict[str, Callable[[], nn.Module]] = {
    "chain": zoo.chain,
    "chain in place": lambda: zoo.chain(inplace=True),
    "groups": zoo.groups,
    "groups and functions": zoo.FunctionalGroups,
    "attributes": zoo.Attributes,
    "registered twice": zoo.Twice,
    "shared activation": zoo.Shared,
    "functional": zoo.Functional,
    "functional after a norm": zoo.FunctionalNorm,
    "does not trace": zoo.Untraceable,
    "residual": zoo.Residual,
    "residual that does not trace": lambda: zoo.Residual(traces=False),
    "residual around a block": zoo.ResidualStem,
    "pix2pix": zoo.pix2pix,
    "negative slope": lambda: zoo.chain(slope=-0.2),
    "slope 0": lambda: zoo.chain(slope=0.0),
    "slope 2": lambda: zoo.chain(slope=2.0),
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


def made(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make()


def results(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    x = x.clone().requires_grad_()
    y = model(x.clone())
    (y * torch.randn(y.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    values = {f"grad {name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert x.grad is not None
    values |= {"y": y.detach(), "x.grad": x.grad, **dict(model.named_buffers())}
    model.zero_grad()
    return {name: value.clone() for name, value in values.items()}


def assert_same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    size = max(float(value.abs().max()) for value in wanted.values())
    for name, value in wanted.items():
        torch.testing.assert_close(
            found[name], value, rtol=2e-4, atol=2e-5 * size, msg=lambda m, n=name: f"{n}: {m}"
        )


def everything(model: nn.Module) -> list[Any]:
    """All of a model that `lean` could alter and must not on failure."""
    found: list[Any] = [torch.get_rng_state().tolist(), random.getstate()]
    for name, module in model.named_modules(remove_duplicate=False):
        plain = {k: (list(v.items()) if isinstance(v, dict) else v) for k, v in vars(module).items()}
        found.append((name, id(module), type(module), sorted(plain), module.training, repr(module)))
        found += [len(v) for v in vars(module).values() if isinstance(v, dict)]
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        found.append((name, id(tensor), tensor._version, tensor.tolist(), tensor.requires_grad, tensor.grad))
    return found


@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@every_model
def test_same_numbers(make: Any, training: bool, with_example: bool) -> None:
    plain, model, x = made(make).train(training), made(make).train(training), zoo.images()
    keys = list(model.state_dict())
    leaky.lean(model, x if with_example else None)
    assert list(model.state_dict()) == keys
    for seed in (0, 1):
        assert_same(results(model, zoo.images(seed)), results(plain, zoo.images(seed)))


@needs_native
@pytest.mark.parametrize(
    ("make", "sites", "at_most"),
    [
        ("chain", ["1 + 2"], 0.55),
        ("chain in place", ["1 + 2"], 0.65),
        ("groups", ["1 + 2", "4 + 5"], 0.6),
        ("attributes", ["norm + act"], 0.5),
        ("registered twice", ["norm + nonlin"], 0.6),
        ("shared activation", ["norm1 + act", "norm2 + act", "act"], 0.6),
        ("functional", [""], 0.8),
        ("functional after a norm", ["norm"], 0.6),
        ("does not trace", ["blocks.0.1 + blocks.0.2", "blocks.1.1 + blocks.1.2"], 0.7),
        ("residual", ["act", "last.1 + last.2"], 0.8),
        ("pix2pix", ["1.model.2 + 1.model.3.model.0"], 0.99),
    ],
)
def test_fewer_bytes(make: str, sites: list[str], at_most: float) -> None:
    model, x = made(MODELS[make]), zoo.images(size=64)
    before = saved_bytes(lambda: model(x), model)
    report = leaky.lean(model, x)
    after = saved_bytes(lambda: model(x), model)
    assert report.measured_on == "example"
    assert (report.bytes_before, report.bytes_after) == (before, after)
    assert after <= at_most * before
    changed = {site.name for site in report.changed}
    assert set(sites) <= changed, report
    assert all(site.bytes_after < site.bytes_before for site in report.changed), report


@every_model
@pytest.mark.parametrize("with_example", [True, False], ids=["example", "no example"])
def test_unlean_and_dry_run_leave_no_trace(make: Any, with_example: bool) -> None:
    model, example = made(make), zoo.images() if with_example else None
    before = everything(model)
    foreseen = leaky.lean(model, example, dry_run=True)
    assert everything(model) == before
    report = leaky.lean(model, example)
    assert (report.sites, report.bytes_before, report.bytes_after) == (
        foreseen.sites,
        foreseen.bytes_before,
        foreseen.bytes_after,
    )
    assert bool(leaky.unlean(model)) == bool(report.changed)
    assert everything(model) == before
    assert leaky.unlean(model) == ()


@needs_native
def test_a_norm_that_would_speak_to_other_processes_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda group=None: 2)
    report = leaky.lean(made(zoo.groups))
    sites = {site.name: site for site in report.sites}
    assert "1 + 2" in sites
    assert "not fused with `4`: it would speak to the other processes" in sites["5"].reason
    assert "before init_process_group" in sites["5"].reason


@needs_native
def test_twice_is_a_no_op_that_says_so() -> None:
    model = made(zoo.chain)
    leaky.lean(model)
    before = everything(model)
    report = leaky.lean(model, zoo.images())
    assert "lean already" in report.summary
    assert not report.changed
    assert everything(model) == before


@needs_native
def test_what_changes_in_place_later_is_not_fused() -> None:
    report = leaky.lean(made(zoo.Residual))
    act = next(site for site in report.sites if site.name == "act")
    assert "not fused with `norm`: `iadd` changes its output in place" in act.reason
    report = leaky.lean(made(zoo.ResidualStem))
    act = next(site for site in report.sites if site.name == "block.2")
    assert "an `example` would prove it" in act.reason
    report = leaky.lean(made(zoo.ResidualStem), zoo.images())
    act = next(site for site in report.sites if site.name == "block.2")
    assert "modified by an inplace operation" in act.reason
    assert any(site.name == "last.1 + last.2" for site in report.changed)


@needs_native
@pytest.mark.parametrize("where", ["norm", "act"])
def test_a_site_with_hooks_is_left(where: str) -> None:
    model, seen = made(zoo.Attributes), []
    model.get_submodule(where).register_forward_hook(lambda module, args, output: seen.append(output))
    report = leaky.lean(model, zoo.images())
    assert "has hooks" in next(site.reason for site in report.sites if site.name == "act")
    seen.clear()
    plain = made(zoo.Attributes)
    wanted: list[Tensor] = []
    plain.get_submodule(where).register_forward_hook(lambda module, args, output: wanted.append(output))
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))
    torch.testing.assert_close(seen[0], wanted[0])


def test_hooks_added_later_see_what_they_would_have_seen() -> None:
    model, plain = made(zoo.chain), made(zoo.chain)
    leaky.lean(model)
    seen: dict[int, list[Tensor]] = {0: [], 1: []}
    for number, one in enumerate((model, plain)):
        one[2].register_forward_pre_hook(
            lambda module, args, n=number: seen[n].append(args[0].detach().clone())
        )
        results(one, zoo.images())
    torch.testing.assert_close(seen[0], seen[1])


@needs_native
def test_changes_after_lean_are_followed() -> None:
    model, plain = made(zoo.chain), made(zoo.chain)
    leaky.lean(model)
    for one in (model, plain):
        one[2].negative_slope = 0.5
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))
    model = made(zoo.chain)
    leaky.lean(model)
    model[2] = nn.GELU()
    with pytest.raises(LeakyError, match=r"the norm `1` applied its activation already.*leaky\.unlean"):
        results(model, zoo.images())


@needs_native
def test_a_part_called_on_its_own_raises_before_a_gradient_is_wrong() -> None:
    model = made(zoo.chain)
    leaky.lean(model)
    with torch.no_grad():
        torch.testing.assert_close(model[:2](zoo.images()), made(zoo.chain)[:2](zoo.images()))
    with pytest.raises(LeakyError, match="its output went elsewhere"):
        model[:2](zoo.images()).sum().backward()


def test_weight_norm_shared_and_frozen_parameters_stay() -> None:
    def make() -> nn.Module:
        model = zoo.Shared()
        model.first = nn.utils.parametrizations.weight_norm(model.first)
        model.second = nn.utils.weight_norm(model.second)
        model.norm2.weight = model.norm1.weight
        model.norm1.bias.requires_grad_(False)
        model.third.weight.requires_grad_(False)
        model.norm2.eval()
        return model

    model, plain = made(make), made(make)
    results(model, zoo.images())  # the older weight_norm leaves a computed weight on the module
    results(plain, zoo.images())
    parameters = {name: id(p) for name, p in model.named_parameters(remove_duplicate=False)}
    leaky.lean(model, zoo.images())
    assert {name: id(p) for name, p in model.named_parameters(remove_duplicate=False)} == parameters
    assert model.norm2.weight is model.norm1.weight
    assert (model.norm1.training, model.norm2.training) == (True, False)
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))


@every_model
def test_checkpoints_load_both_ways(make: Any) -> None:
    plain, model = made(make), made(make)
    leaky.lean(model)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    made(make).load_state_dict(torch.load(file, weights_only=True), strict=True)
    model.load_state_dict(plain.state_dict(), strict=True)


@every_model
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"]
)
def test_a_lean_model_can_be_copied(make: Any, copied: Any) -> None:
    plain, model = made(make), made(make)
    leaky.lean(model)
    twin = copied(model)
    x = zoo.images(size=64)
    assert saved_bytes(lambda: twin(x), twin) == saved_bytes(lambda: model(x), model)
    for parameter in model.parameters():
        parameter.data.zero_()  # a copy that still leant on the original would show it
    plain.load_state_dict(twin.state_dict())
    assert_same(results(twin, zoo.images()), results(plain, zoo.images()))
    leaky.unlean(twin)
    assert [type(m) for m in twin.modules()] == [type(m) for m in plain.modules()]


@pytest.mark.parametrize(
    "make", [zoo.Twice, zoo.Shared, zoo.Functional], ids=["twice", "shared", "functional"]
)
def test_training_follows_the_plain_model(make: Any) -> None:
    plain, model = made(make), made(make)
    optimisers = [torch.optim.SGD(one.parameters(), lr=0.02, momentum=0.9) for one in (plain, model)]
    leaky.lean(model)  # after the optimiser was made: the parameters are the same objects
    losses: list[list[float]] = [[], []]
    for step in range(50):
        x = zoo.images(step % 5, size=16)
        for one, optimiser, told in zip((plain, model), optimisers, losses, strict=True):
            optimiser.zero_grad()
            loss = (one(x) - x.mean()).square().mean()
            loss.backward()
            optimiser.step()
            told.append(loss.item())
    assert losses[0][-1] < 0.5 * losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_random_numbers_and_buffers_are_put_back() -> None:
    model = nn.Sequential(zoo.chain(), nn.Dropout(0.5))
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    report = leaky.lean(model, zoo.images())
    assert torch.equal(torch.rand(1), wanted)
    assert int(model[0][1].num_batches_tracked) == 0
    assert torch.equal(model[0][1].running_mean, torch.zeros(8))
    assert all(p.grad is None for p in model.parameters())
    assert report.bytes_before


@needs_native
@pytest.mark.parametrize(
    "broken", ["norm_act_forward", "norm_act_backward", "leaky_relu_forward", "leaky_relu_backward"]
)
@pytest.mark.parametrize("how", ["wrong", "raises"])
def test_a_wrong_kernel_leaves_the_model_as_it_was(
    broken: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = getattr(native, broken)

    def wrong(*args: Any, **kwargs: Any) -> None:
        if how == "raises":
            raise RuntimeError("no such luck")
        right(*args, **kwargs)
        written = {
            "norm_act_forward": 1,
            "norm_act_backward": 4,
            "leaky_relu_forward": 1,
            "leaky_relu_backward": 2,
        }
        args[written[broken]].mul_(1.01)

    model = nn.Sequential(zoo.chain(), nn.LeakyReLU(0.3), nn.Upsample(scale_factor=2))
    before = everything(model)
    with monkeypatch.context() as patch:
        patch.setattr(native, broken, wrong)
        report = leaky.lean(model, zoo.images())
    reasons = " ".join(site.reason for site in report.sites)
    assert ("no such luck" if how == "raises" else "computes something else") in reasons
    if broken.startswith("norm"):
        assert not any(" + " in site.name for site in report.changed)
    else:
        assert not any(site.became == "one bit per element" for site in report.changed)
    leaky.unlean(model)
    assert everything(model) == before


@pytest.mark.parametrize("make", [zoo.chain, zoo.Functional, zoo.FunctionalNorm, zoo.Shared])
def test_compiled_traced_checkpointed_and_transformed(make: Any) -> None:
    plain, model, x = made(make), made(make), zoo.images()
    leaky.lean(model)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert_same({"y": compiled(x)}, {"y": plain(x)})
    traced = torch.jit.trace(model, x, check_trace=False)
    assert_same({"y": traced(x)}, {"y": plain(x)})
    model.load_state_dict(plain.state_dict())
    for reentrant in (True, False):
        both = [results(Checkpointed(one, reentrant), x) for one in (model, plain)]
        assert_same(*both)
    parameters = {name: p.detach() for name, p in plain.named_parameters()}

    def loss(model: nn.Module, parameters: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(model, parameters, (x,)).square().sum()

    model.eval()
    plain.eval()
    both = [torch.func.grad(lambda p, m=one: loss(m, p))(parameters) for one in (model, plain)]
    assert_same(*both)


class Checkpointed(nn.Module):
    def __init__(self, inside: nn.Module, reentrant: bool) -> None:
        super().__init__()
        self.inside, self.reentrant = inside, reentrant

    def forward(self, x: Tensor) -> Tensor:
        return torch.utils.checkpoint.checkpoint(self.inside, x, use_reentrant=self.reentrant)


def test_functions_in_a_module_that_checkpoints_are_left() -> None:
    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def part(self, x: Tensor) -> Tensor:
            return self.conv(F.leaky_relu(x, 0.1))

        def forward(self, x: Tensor) -> Tensor:
            return torch.utils.checkpoint.checkpoint(self.part, self.conv(x), use_reentrant=False)

    model, plain = made(Inside), made(Inside)
    report = leaky.lean(model, zoo.images())
    assert not report.changed
    assert "checkpoints activations" in report.sites[0].reason
    assert_same(results(model, zoo.images()), results(plain, zoo.images()))


def test_subclasses_are_left() -> None:
    class Louder(nn.LeakyReLU):
        def forward(self, input: Tensor) -> Tensor:
            return 2 * super().forward(input)

    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), Louder(0.1))
    report = leaky.lean(model, zoo.images())
    assert not report.changed
    assert "Louder is a class of its own" in report.sites[0].reason
    assert type(model[2]) is Louder


def test_branches_on_mode_are_seen() -> None:
    class Branch(zoo.Attributes):
        def forward(self, x: Tensor) -> Tensor:
            z = self.norm(self.conv(x))
            return self.last(self.act(z)) if self.training else self.last(self.act(z)) + z.mean()

    model = made(Branch)
    report = leaky.lean(model)
    assert not any("+" in site.name for site in report.changed)
    plain = made(Branch)
    assert_same(results(model.eval(), zoo.images()), results(plain.eval(), zoo.images()))


def test_several_arguments_and_names() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = zoo.chain()

        def forward(self, x: Tensor, scale: Tensor | None = None, twice: bool = False) -> dict[str, Tensor]:
            y = self.inside(x if scale is None else x * scale)
            return {"y": 2 * y if twice else y}

    x = zoo.images()
    for example in (x, (x, torch.ones(1)), (x, None, True), {"x": x, "twice": True}, [x]):
        report = leaky.lean(made(Two), example, dry_run=True)
        assert report.measured_on == "example"


@pytest.mark.parametrize(
    ("example", "error", "message"),
    [
        (torch.zeros(3), ArgumentError, "lean: `model` rejects the `example`: "),
        (
            torch.zeros(2, 3, 32, 32, dtype=torch.float64),
            ArgumentError,
            "lean: `model` rejects the `example`: RuntimeError",
        ),
        (torch.zeros(2, 3, 32, 32, dtype=torch.long), ArgumentError, "lean: `model` rejects the `example`: "),
        (
            torch.zeros(2, 4, 32, 32),
            ArgumentError,
            "lean: `model` rejects the `example`: RuntimeError: Given groups=1",
        ),
        ((zoo.images(), zoo.images()), ArgumentError, "lean: `model` rejects the `example`: TypeError"),
        ((), ArgumentError, "lean: `example` holds no tensor"),
        (
            "images",
            ArgumentTypeError,
            "lean: `example` must be a tensor, a tuple of the model's arguments or a dict",
        ),
        (5, ArgumentTypeError, "got int"),
    ],
)
def test_a_bad_example_is_one_clear_error(example: Any, error: type[Exception], message: str) -> None:
    model = made(zoo.chain)
    before = everything(model)
    with pytest.raises(error, match=re.escape(message)) as caught:
        leaky.lean(model, example)
    assert "\n" not in str(caught.value)
    assert everything(model) == before


def test_a_bad_model_is_one_clear_error() -> None:
    with pytest.raises(ArgumentTypeError, match=r"^lean: `model` must be a torch.nn.Module, got str$"):
        leaky.lean("model")  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match=r"^unlean: `model` must be a torch.nn.Module, got list$"):
        leaky.unlean([])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"^lean: `model` \(Sequential\) has no ReLU or LeakyReLU"):
        leaky.lean(nn.Sequential(nn.Linear(2, 2), nn.Tanh()))


def test_a_model_may_be_one_activation() -> None:
    model = nn.LeakyReLU(0.2)
    leaky.lean(model, torch.randn(64, 128))
    x = torch.randn(64, 128)
    assert torch.equal(model(x), F.leaky_relu(x, 0.2))


def test_the_report_is_plain_data_and_a_table() -> None:
    import json

    report = leaky.lean(made(zoo.Shared), zoo.images(), dry_run=True)
    told = json.loads(json.dumps(report.to_json()))
    assert told["model"] == "Shared"
    assert len(told["sites"]) == len(report.sites)
    assert report.summary in " ".join(str(report).split("\n", 1)[0].split()) or "Shared" in str(report)
    for site in report.sites:
        assert site.became is not None or site.reason
