"""`swap` changes what it says and nothing else, and `unswap` gives the very same model back."""

from __future__ import annotations

import copy
import doctest
import importlib
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError, UnknownNameError
from leaky.models import reestimate_norms

LEAKY = "leaky_relu(negative_slope=0.1)"


class Block(nn.Module):
    """Calls of functions, and a module within that must not be taken for one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.act = nn.Linear(4, 4), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.linear(x))
        x = torch.relu(x - 0.3) + (x - 0.2).relu()
        return x - self.act(x - 0.5)


class Written(nn.Module):
    """The same as `Block` after its calls, or its module, are swapped."""

    def __init__(
        self, block: Block, call: Callable[[Tensor], Tensor], act: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.block, self.call, self.act = block, call, act

    def forward(self, x: Tensor) -> Tensor:
        x = self.call(self.block.linear(x))
        x = self.call(x - 0.3) + self.call(x - 0.2)
        return x - self.act(x - 0.5)


def leaky_01(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)


def state(model: nn.Module) -> list[Any]:
    """Everything that undoing must bring back: classes, attributes, hooks, parameters, all by identity."""
    return [
        (name, id(module), type(module), {k: id(v) for k, v in vars(module).items() if k != "training"})
        for name, module in model.named_modules(remove_duplicate=False)
    ] + [(name, id(value)) for name, value in model.state_dict(keep_vars=True).items()]


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make()


X = torch.randn(16, 4, generator=torch.Generator().manual_seed(1))


def test_modules_become_leakys_and_come_back() -> None:
    model = seeded(
        lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(True), nn.Linear(4, 4), leaky.nn.ReLU(), nn.ELU())
    )
    before, act, y = state(model), model[1], model(X)
    report = leaky.swap(model, "relu", LEAKY)
    assert [(site.name, site.before, site.after) for site in report.sites] == [
        ("1", "relu", LEAKY),
        ("3", "relu", LEAKY),
    ]
    assert model[1] is act
    assert isinstance(model[1], nn.LeakyReLU)
    assert (model[1].negative_slope, model[1].inplace, model[3].inplace) == (0.1, True, False)
    assert torch.equal(model(X), model[4](leaky_01(model[2](leaky_01(model[0](X))))))
    assert leaky.unswap(model) == ("1", "3")
    assert state(model) == before
    assert torch.equal(model(X), y)
    assert leaky.unswap(model) == ()


@pytest.mark.parametrize(
    ("where", "call", "act"),
    [
        (None, leaky_01, leaky_01),
        ("act", F.relu, leaky_01),
        ("relu", leaky_01, F.relu),
        (["act:2", "relu:3"], leaky_01, leaky_01),
        ("*ct", F.relu, leaky_01),
    ],
)
def test_calls_and_modules_are_told_apart(where: Any, call: Any, act: Any) -> None:
    block = seeded(Block)
    assert isinstance(block, Block)
    before, expected = state(block), Written(copy.deepcopy(block), call, act)
    leaky.swap(block, "relu", LEAKY, where=where)
    for model in (block, copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        x = X.clone().requires_grad_()
        other = X.clone().requires_grad_()
        model(x).square().sum().backward()
        expected(other).square().sum().backward()
        assert torch.allclose(model(X), expected(X), atol=1e-7)
        assert torch.allclose(x.grad, other.grad, atol=1e-6)  # type: ignore[arg-type]
    leaky.unswap(block)
    assert state(block) == before


def test_calls_in_place_stay_in_place() -> None:
    class InPlace(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x * 1
            F.relu_(y)
            z = y - 0.5
            z.relu_()
            return z + F.relu(y - 0.1, inplace=True)

    model = InPlace()
    for spec, function in ((LEAKY, leaky_01), ("tanh", torch.tanh), ("softplus", F.softplus)):
        leaky.swap(model, "relu", spec)
        x, other = X.clone().requires_grad_(), X.clone().requires_grad_()
        y = function(other)
        expected = function(y - 0.5) + function(y - 0.1)
        assert torch.allclose(model(x), expected)
        model(x).sum().backward()
        expected.sum().backward()
        assert torch.allclose(x.grad, other.grad, atol=1e-6)  # type: ignore[arg-type]
        leaky.unswap(model)


def test_only_the_parameters_that_are_given_must_match() -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.LeakyReLU(1.0), nn.LeakyReLU(0.2), nn.PReLU(init=1.0), nn.PReLU(3))

    changed = {}
    for before in ("leaky_relu", "leaky_relu(negative_slope=1)", "leaky_relu(0.2)", "prelu", "prelu(1)"):
        changed[before] = [site.name for site in leaky.swap(make(), before, "elu").changed]
    assert changed == {
        "leaky_relu": ["0", "1"],
        "leaky_relu(negative_slope=1)": ["0"],
        "leaky_relu(0.2)": ["1"],
        "prelu": ["2", "3"],
        "prelu(1)": ["2"],
    }
    assert leaky.swap(make(), leaky.parse("leaky_relu(0.2)"), "elu").changed[0].name == "1"


def test_swaps_follow_each_other_and_are_undone_together() -> None:
    model = seeded(lambda: nn.Sequential(Block(), nn.ReLU()))
    before = state(model)
    leaky.swap(model, "relu", LEAKY)
    leaky.swap(model, "leaky_relu", "elu", where="0.*")
    leaky.swap(model, "elu", "tanh", where="0.relu")
    assert torch.allclose(model(X), leaky_01(Written(model[0], torch.tanh, F.elu)(X)))
    assert leaky.unswap(model) == ("0", "0.act", "1")
    assert state(model) == before


def test_a_shared_module_stays_one() -> None:
    act = nn.ReLU()
    model = nn.Sequential(nn.Linear(4, 4), act, nn.Linear(4, 4), act)
    (site,) = leaky.swap(model, "relu", "prelu").sites
    assert (site.name, site.also) == ("1", ("3",))
    assert model[1] is model[3] is act
    assert len([p for p in model.parameters() if p.shape == (1,)]) == 1


def test_learned_slopes_come_and_go() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.PReLU(4)).double()
    slopes = model[2].weight
    report = leaky.swap(model, "relu", "prelu(0.3)")
    assert report.keys_added == ("1.weight",)
    assert "give these parameters to the optimizer" in str(report)
    assert model[1].weight.dtype == torch.float64
    assert model[1].weight.item() == pytest.approx(0.3)
    model(X.double()).sum().backward()
    assert model[1].weight.grad is not None
    report = leaky.swap(model, "prelu", "relu", where="2")
    assert report.keys_removed == ("2.weight",)
    model.float()
    leaky.unswap(model)
    assert model[2].weight is slopes
    assert slopes.dtype == torch.float32
    assert model(X).dtype == torch.float32
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight"]


def test_modes_and_hooks_stay() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU()).eval()
    seen: list[Tensor] = []
    handle = model[1].register_forward_hook(lambda module, args, output: seen.append(output))
    leaky.swap(model, "relu", "prelu")
    assert not model[1].training
    y = model(X)
    assert seen[0] is y
    model.train()
    leaky.unswap(model)
    assert model[1].training
    handle.remove()
    model(X)
    assert len(seen) == 1


def test_norms_that_apply_the_activation() -> None:
    model = nn.Sequential(leaky.nn.BatchNormAct1d(4, activation="relu"))
    before = state(model)
    (site,) = leaky.swap(model, "relu", "prelu").sites
    assert site.after is None
    assert "which a norm does not apply" in site.reason
    (site,) = leaky.swap(model, "relu", LEAKY).changed
    assert (site.name, site.kind) == ("0", "norm")
    assert torch.allclose(model(X), leaky_01(F.batch_norm(X, None, None, training=True)), atol=1e-6)
    leaky.unswap(model)
    assert [entry[:3] for entry in state(model)] == [entry[:3] for entry in before]
    assert str(model[0].activation) == "relu"


def test_transformer_layers_leave_their_fused_path() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    model = seeded(lambda: nn.TransformerEncoder(layer, 2)).eval()
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        y = model(x)
        report = leaky.swap(model, "relu", LEAKY)
        assert [site.name for site in report.changed] == ["layers.0", "layers.1"]
        fast = model(x, src_key_padding_mask=torch.zeros(2, 5, dtype=torch.bool))
    assert torch.allclose(fast, model.train()(x), atol=1e-6)
    assert not torch.allclose(fast, y, atol=1e-3)
    leaky.unswap(model.eval())
    with torch.no_grad():
        assert torch.equal(model(x), y)


def test_what_is_left_says_why() -> None:
    class Mine(nn.ReLU):
        def forward(self, x: Tensor) -> Tensor:
            return x.clamp(min=0) + 1

    class Recomputing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(lambda z: F.relu(z), x, use_reentrant=False)  # type: ignore[no-any-return]

    class Named(nn.ReLU):
        pass

    model = nn.Sequential(Mine(), Recomputing(), nn.RNN(4, 4, nonlinearity="relu"), Named(), Block())
    model[3].forward = F.relu
    report = leaky.swap(model, "relu", "prelu")
    reasons = {site.name: site.reason for site in report.left}
    assert reasons == {
        "0": "Mine has a forward of its own",
        "1.relu": "its forward checkpoints activations, and would call the function it names when it recomputes",
        "2": "torch computes it inside nn.RNN",
        "3": "its forward was replaced",
        "4.relu": "prelu(negative_slope=0.25) learns, and a call has nowhere to keep a parameter; make it a module",
    }
    assert [site.name for site in report.changed] == ["4.act"]
    assert leaky.swap(nn.Sequential(nn.ReLU(), Named()), "relu", "elu").left == ()
    assert leaky.swap(nn.Sequential(nn.ReLU()), "relu", "relu").left[0].reason == "it is relu already"


def test_what_does_not_trace_is_swapped_as_it_comes() -> None:
    class Opaque(nn.Module):
        def forward(self, x: Tensor, slope: float = 0.2) -> Tensor:
            if x.sum() > 1e9:
                return x
            return F.leaky_relu(x, slope) + torch.relu(x)

    model = Opaque()
    report = leaky.swap(model, "leaky_relu(0.2)", "elu")
    assert "does not trace" in report.changed[0].reason
    assert torch.equal(model(X), F.elu(X) + F.relu(X))
    assert torch.equal(model(X, 0.3), F.leaky_relu(X, 0.3) + F.relu(X))


def test_replicas_follow_the_same_rules() -> None:
    block = Block()
    leaky.swap(block, "relu", LEAKY)
    replica = block._replicate_for_data_parallel()
    replica.linear, replica.act = block.linear, block.act
    assert vars(replica)["forward"].module is replica
    assert torch.equal(replica(X), block(X))


def test_what_torch_makes_of_models_is_swapped_too() -> None:
    block = Block()
    graph = torch.fx.symbolic_trace(block)
    leaky.swap(graph, "relu", LEAKY)
    leaky.swap(block, "relu", LEAKY)
    y = block(X)
    assert torch.equal(graph(X), y)
    assert torch.equal(torch.jit.trace(block, X)(X), y)
    assert torch.equal(torch.export.export(block, (X,)).module()(X), y)
    assert torch.allclose(torch.func.vmap(block)(X), y, atol=1e-6)
    assert torch.equal(torch.func.functional_call(block, dict(block.named_parameters()), (X,)), y)


def test_compiled_afterwards_it_is_still_swapped() -> None:
    model = nn.Sequential(nn.Linear(4, 4), Block())
    leaky.swap(model, "relu", LEAKY)
    y = model(X)
    assert torch.allclose(torch.compile(model, backend="eager")(X), y)


def test_lean_models_and_swaps_take_turns() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Block())
    leaky.swap(model, "relu", LEAKY)
    y = model(X)
    leaky.lean(model, X)
    assert torch.allclose(model(X), y)
    if any("_leaky_original" in vars(module) for module in model.modules()):
        with pytest.raises(ArgumentError, match=r"call leaky\.unlean"):
            leaky.swap(model, "leaky_relu", "elu")
    leaky.unlean(model)
    leaky.unswap(model)
    assert type(model[1]) is nn.ReLU


def with_norm() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))


def test_statistics_are_estimated_again() -> None:
    model = seeded(with_norm)
    model[3].eval()
    batches = [torch.randn(32, 4) for _ in range(3)]
    report = leaky.swap(model, "relu", LEAKY, reestimate=[(x, None) for x in batches])
    assert report.norms == ("2",)
    with torch.no_grad():
        inner = [leaky_01(model[0](x)) for x in batches]
    assert torch.allclose(model[2].running_mean, torch.stack([h.mean(0) for h in inner]).mean(0), atol=1e-6)
    assert torch.allclose(model[2].running_var, torch.stack([h.var(0) for h in inner]).mean(0), atol=1e-6)
    assert [module.training for module in model] == [True, True, True, False, True]
    assert model[2].momentum == 0.1


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "reestimate_norms: `batches` is empty; give at least one batch, not a used iterator"),
        ([X, X[:, :3]], r"reestimate_norms: the model rejects batch 2 of `batches`: RuntimeError: .*"),
        ([X[:1]], r"reestimate_norms: the model rejects batch 1 of `batches`: ValueError: .*"),
        (
            X,
            "reestimate_norms: `batches` must be an iterable of batches, got Tensor; put a single batch in a list",
        ),
    ],
)
def test_after_an_error_nothing_is_changed(batches: Any, message: str) -> None:
    model = seeded(lambda: nn.Sequential(with_norm(), nn.Linear(2, 4), Block()))
    model[0](X)
    before, values = state(model), copy.deepcopy(model.state_dict())
    with pytest.raises((ArgumentError, ArgumentTypeError), match=f"^{message}$"):
        leaky.swap(model, "relu", "elu", reestimate=batches)
    assert state(model) == before
    assert all(torch.equal(value, values[name]) for name, value in model.state_dict().items())


def test_a_model_without_batch_norms_has_nothing_to_estimate() -> None:
    assert (
        reestimate_norms(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False)), [X])
        == ()
    )


MODEL = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.LeakyReLU(1.0), nn.ReLU())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (MODEL, "elu", "relu"),
            ArgumentError,
            "swap: nothing matches `before` elu; Sequential has relu x 2, leaky_relu(negative_slope=1) x 1",
        ),
        (
            (MODEL, "leaky_relu(0.3)", "relu"),
            ArgumentError,
            "swap: nothing matches `before` leaky_relu(negative_slope=0.3); Sequential has relu x 2, "
            "leaky_relu(negative_slope=1) x 1",
        ),
        (
            (nn.Linear(2, 2), "relu", "elu"),
            ArgumentError,
            "swap: nothing matches `before` relu; Linear has no activation of the catalogue",
        ),
        ((MODEL, "rellu", "relu"), UnknownNameError, "unknown activation `rellu`: did you mean `relu`?"),
        (
            (nn.Sequential(nn.Sequential(nn.ReLU())), "relu", "elu", "0.1"),
            UnknownNameError,
            "unknown site `0.1`: did you mean `0.0`?",
        ),
        (
            (MODEL, "relu", "elu", "2"),
            ArgumentError,
            "swap: nothing matches `before` relu; what `where` names in Sequential has "
            "leaky_relu(negative_slope=1) x 1",
        ),
        ((MODEL, "relu", "elu", [1]), ArgumentTypeError, "swap: `where` must hold names of sites, got 1"),
        (
            (torch.jit.trace(nn.ReLU(), X), "relu", "elu"),
            ArgumentError,
            "swap: `model` TopLevelTracedModule is a script, whose activations are fixed; swap before "
            "torch.jit.script",
        ),
        (("m", "relu", "elu"), ArgumentTypeError, "swap: `model` must be a torch.nn.Module, got str"),
        (
            (torch.compile(MODEL, backend="eager"), "relu", "elu"),
            ArgumentError,
            "swap: `model` is compiled (all of it), and what is compiled would not change; swap before torch.compile "
            "(`model._orig_mod` is what it was made from) and compile again",
        ),
    ],
)
def test_errors_are_one_line_and_leave_the_model(arguments: Any, error: Any, message: str) -> None:
    before = state(MODEL)
    model, old, new, *where = arguments
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        leaky.swap(model, old, new, where=where[0] if where else None)
    assert state(MODEL) == before


def test_records_are_plain_data() -> None:
    report = leaky.swap(nn.Sequential(nn.ReLU(True)), "relu", "prelu")
    assert report.to_json()["sites"][0]["name"] == "0"
    assert str(report).splitlines()[1] == (
        "  0: relu -> prelu(negative_slope=0.25): not in place any more: what reads its input afterwards finds it "
        "unchanged"
    )


@pytest.mark.parametrize("module", ["leaky.models.swap", "leaky.models.norms"])
def test_the_examples_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert not result.failed
