"""`leaky.check`: each rule on a planted mistake, word for word where the words carry values."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from check_models import mlp
from torch import Tensor, nn

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.models.check.codes import CODES


class Of(nn.Module):
    """A model whose forward is a function of its layer's output."""

    def __init__(self, function: Any, layer: nn.Module | None = None) -> None:
        super().__init__()
        self.layer = layer or nn.Linear(8, 32)
        self.last = nn.Linear(32, 32)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.last(self.function(self.layer(x)))


def between(*activations: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 64), *activations, nn.Linear(64, 32))


def only(model: nn.Module, code: str, **keywords: Any) -> str:
    """The one finding of a model, as a line."""
    report = leaky.check(model, **keywords)
    assert report.codes == (code,), str(report)
    return str(report[0])


@pytest.mark.parametrize(
    ("activation", "line"),
    [
        (
            nn.LeakyReLU(True),
            "1: LKY101 leaky_relu(negative_slope=True): True is not `inplace` here, it counts as 1, the identity: no "
            "non-linearity; write torch.nn.LeakyReLU(inplace=True)",
        ),
        (
            nn.LeakyReLU(1.0),
            "1: LKY101 leaky_relu(negative_slope=1): a slope of 1 is the identity, there is no non-linearity here; "
            "write torch.nn.LeakyReLU(negative_slope=0.01), or torch.nn.Identity() where it is meant",
        ),
        (
            nn.LeakyReLU(64),
            "1: LKY102 leaky_relu(negative_slope=64): negative inputs are made 64 times larger; 64 is the number of "
            "channels of `0`; write torch.nn.LeakyReLU(negative_slope=0.01), or torch.nn.PReLU(64), which learns one "
            "slope per channel",
        ),
        (
            nn.LeakyReLU(-0.2),
            "1: LKY103 leaky_relu(negative_slope=-0.2): negative inputs come out positive, -1 and 0.2 give "
            "the same; write torch.nn.LeakyReLU(negative_slope=0.2)",
        ),
        (
            nn.LeakyReLU(False),
            "1: LKY104 leaky_relu(negative_slope=False): `negative_slope` is False, which counts as 0; write "
            "torch.nn.LeakyReLU(inplace=False)",
        ),
        (
            nn.LeakyReLU("0.1"),
            "1: LKY104 leaky_relu(negative_slope=0.1): `negative_slope` must be a number, got '0.1'; give a number",
        ),
        (
            nn.ReLU(64),
            "1: LKY104 relu(inplace=64): `inplace` is 64, which counts as True; write torch.nn.ReLU(inplace=True)",
        ),
        (
            nn.ELU(True),
            "1: LKY104 elu(alpha=True): `alpha` is True, which counts as 1; write torch.nn.ELU(inplace=True)",
        ),
        (
            nn.LeakyReLU(float("nan")),
            "1: LKY105 leaky_relu(negative_slope=nan): `negative_slope` is nan, and so is what comes out below 0; "
            "write torch.nn.LeakyReLU(negative_slope=0.01)",
        ),
        (
            nn.ELU(0.0),
            "1: LKY106 elu(alpha=0): `alpha` must be finite and above 0; write torch.nn.ELU(alpha=1)",
        ),
        (
            nn.PReLU(init=1.0),
            "1: LKY107 prelu(init=1): it starts as the identity; write torch.nn.PReLU(init=0.25)",
        ),
        (
            nn.PReLU(init=64),
            "1: LKY107 prelu(init=64): it starts as 64 times larger below 0; write torch.nn.PReLU(init=0.25), or "
            "torch.nn.PReLU(num_parameters=64) for one slope per channel",
        ),
    ],
)
def test_parameters(activation: nn.Module, line: str) -> None:
    assert only(between(activation), line.split()[1]) == line


@pytest.mark.parametrize(
    "activation",
    [
        nn.LeakyReLU(0),
        nn.LeakyReLU(0.2, True),
        nn.PReLU(64),
        nn.RReLU(),
        nn.ELU(0.5),
        nn.GELU(),
        nn.Softplus(2),
        nn.ReLU(1),
        nn.LeakyReLU(torch.tensor(0.1)),
        leaky.nn.LeakyReLU(0.1),
        nn.Hardtanh(),
        nn.Softmax(True),
    ],
    ids=repr,
)
def test_parameters_that_are_fine(activation: nn.Module) -> None:
    assert leaky.check(between(activation)).codes == ()


@pytest.mark.parametrize(
    ("activation", "code"),
    [
        (nn.RReLU(1.0, 1.0), "LKY101"),
        (nn.RReLU(0.1, 3.0), "LKY102"),
        (nn.LeakyReLU(float("inf")), "LKY105"),
        (nn.Softplus(-1), "LKY106"),
        (nn.PReLU(init=-0.5), "LKY107"),
        (nn.LeakyReLU(nn.Parameter(torch.tensor(0.1))), "LKY104"),
        (leaky.nn.LeakyReLU(1), "LKY101"),
        (leaky.nn.BatchNormAct1d(64, activation="leaky_relu(negative_slope=2)"), "LKY102"),
    ],
    ids=repr,
)
def test_parameters_of_others(activation: nn.Module, code: str) -> None:
    only(between(activation), code)


def test_learned_slopes_are_training_s_own_business() -> None:
    activation = nn.PReLU(64)
    with torch.no_grad():
        activation.weight.copy_(torch.linspace(-0.5, 1.5, 64))
    assert leaky.check(between(activation)).codes == ()
    one = nn.PReLU()
    with torch.no_grad():
        one.weight.fill_(1.0372651)
    assert leaky.check(between(one)).codes == ()
    with torch.no_grad():
        activation.weight[3] = float("nan")
    assert "1 of 64 learned slopes of this PReLU are not finite" in only(between(activation), "LKY105")


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (lambda x: F.leaky_relu(x, 1.0), "LKY101"),
        (lambda x: F.leaky_relu(x, negative_slope=True), "LKY101"),
        (lambda x: F.leaky_relu_(x, 32), "LKY102"),
        (lambda x: F.rrelu(x, -0.1, 0.3), "LKY103"),
        (lambda x: F.elu(x, -1.0), "LKY106"),
        (lambda x: F.relu(torch.relu(x)), "LKY403"),
        (lambda x: x.relu().relu_(), "LKY403"),
        (lambda x: torch.sigmoid(F.relu(x)), "LKY403"),
        (lambda x: F.batch_norm(F.relu(x), torch.zeros(32), torch.ones(32)), "LKY404"),
        (lambda x: F.relu(x, inplace=True) + x, "LKY401"),
    ],
)
def test_calls_of_functions(function: Any, code: str) -> None:
    report = leaky.check(Of(function))
    assert report.codes == (code,), str(report)
    assert report[0].site == ""
    assert "a call of" in report[0].message or code == "LKY404"


def test_the_site_of_a_call_is_the_module_whose_forward_makes_it() -> None:
    model = nn.Sequential(Of(lambda x: F.leaky_relu(x, 32)))
    line = only(model, "LKY102")
    assert line == (
        "0: LKY102 a call of leaky_relu(negative_slope=32): negative inputs are made 32 times larger; 32 is the "
        "number of channels of `0.layer`; write F.leaky_relu(x, negative_slope=0.01)"
    )


def test_a_shared_module_is_reported_once_with_all_its_names() -> None:
    shared = nn.LeakyReLU(64)
    line = only(nn.Sequential(nn.Linear(4, 4), shared, nn.Linear(4, 4), shared, nn.Linear(4, 32)), "LKY102")
    assert line.startswith("1: ")
    assert "(the same module as `3`)" in line


def test_default_initialisation_in_a_deep_chain() -> None:
    torch.manual_seed(0)
    line = only(mlp(8), "LKY201")
    assert line.startswith(
        "0: LKY201 the weights of `0`, `2`, `4`, `6` and 4 more are as torch's default kaiming_uniform_(a=sqrt(5)) "
        "draws them: with relu after them each changes the scale of the signal by 0.4"
    )
    assert 'call leaky.nn.init.he_normal_(layer.weight, "relu") for each' in line
    assert "the chain of 8 by 7." in line or "the chain of 8 by 8." in line
    assert leaky.check(mlp(5)).codes == ()


def test_the_factor_is_what_a_run_measures() -> None:
    torch.manual_seed(0)
    model = mlp(8, lambda weight: nn.init.kaiming_uniform_(weight, a=5**0.5), width=256)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    total = float(only(model, "LKY201").split("the chain of 8 by ")[1].split(";")[0])
    x = torch.randn(512, 256)
    measured = (model[:-1](x).square().mean() / x.square().mean()).sqrt().item()
    assert measured == pytest.approx(total, rel=0.25)  # the total is the expectation over draws


def test_other_initialisation_in_a_deeper_chain() -> None:
    torch.manual_seed(0)
    line = only(mlp(20, nn.init.xavier_uniform_), "LKY202")
    assert "each changes the scale of the signal by 0.7" in line
    assert leaky.check(mlp(10, nn.init.xavier_uniform_)).codes == ()
    exploding = mlp(6, lambda weight: nn.init.uniform_(weight, -1, 1))
    assert "the chain of 6 by 1." in only(exploding, "LKY202")


def test_norms_sums_and_training_end_a_chain() -> None:
    torch.manual_seed(0)
    normed = nn.Sequential(
        *(m for _ in range(8) for m in (nn.Linear(64, 64), nn.LayerNorm(64), nn.ReLU())), nn.Linear(64, 20)
    )
    assert leaky.check(normed).codes == ()

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.inner(x)

    assert leaky.check(nn.Sequential(*(Residual() for _ in range(8)))).codes == ()


def test_a_trained_model_is_silent_and_one_that_does_not_learn_is_not() -> None:
    torch.manual_seed(0)
    model = mlp(8)
    x = torch.randn(256, 64)
    target = x[:, :20].argmax(1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(100):
        optimizer.zero_grad()
        F.cross_entropy(model(x), target).backward()
        optimizer.step()
    assert leaky.check(model).codes == ()
    stuck = mlp(16)
    optimizer2 = torch.optim.SGD(stuck.parameters(), 0.05)
    for _ in range(20):  # no gradient comes through: the weights are what they were
        optimizer2.zero_grad()
        F.cross_entropy(stuck(x), target).backward()
        optimizer2.step()
    assert leaky.check(stuck).codes == ("LKY201",)


def test_weight_decay_on_learned_slopes() -> None:
    model = between(nn.PReLU())
    line = only(model, "LKY301", optimizer=torch.optim.AdamW(model.parameters()))
    assert line == (
        "1: LKY301 `1.weight` in parameter group 0 of AdamW with weight_decay=0.01: learned slopes are pulled to 0, "
        "to a ReLU; give PReLU slopes a group of their own: "
        "AdamW(leaky.nn.parameter_groups(model, weight_decay=0.01))"
    )
    parted = torch.optim.AdamW(leaky.nn.parameter_groups(model, weight_decay=0.01))
    assert leaky.check(model, parted).codes == ()
    assert leaky.check(model, torch.optim.Adam(model.parameters())).codes == ()
    wrapped = nn.DataParallel(model)
    assert "`1.weight`" in only(wrapped, "LKY301", optimizer=torch.optim.AdamW(wrapped.parameters()))


def test_two_in_a_row_say_what_they_are_together() -> None:
    said = {
        (nn.LeakyReLU(0.1), nn.LeakyReLU(0.2)): "together they are leaky_relu(negative_slope=0.02)",
        (nn.LeakyReLU(0.1), nn.ReLU()): "together they are relu",
        (nn.ReLU(), nn.ELU()): "what reaches it is never below 0, where it changes nothing",
        (nn.Sigmoid(), nn.ReLU()): "what reaches it is never below 0, where it changes nothing",
        (nn.ReLU(), nn.Tanh()): "what comes out is never below 0",
        (nn.GELU(), nn.SiLU()): "with no layer between them",
    }
    for (first, second), words in said.items():
        line = only(between(first, nn.Dropout(), second), "LKY403")
        assert line.startswith("3: LKY403 ")
        assert words in line
        assert "right after" in line
        assert "of `1`" in line


def test_a_norm_that_undoes() -> None:
    line = only(between(nn.ReLU(), nn.BatchNorm1d(64)), "LKY404")
    assert line == (
        "1: LKY404 relu goes straight into `2`, which subtracts the mean again: what the rectifier cut to 0 is not 0 "
        "any more; put the norm before the activation, as in torch.nn.Sequential(layer, norm, activation)"
    )
    assert "which sets anew the mean and variance" in only(between(nn.SELU(), nn.LayerNorm(64)), "LKY404")
    assert leaky.check(between(nn.ReLU(), nn.RMSNorm(64))).codes == ()
    assert leaky.check(between(nn.LeakyReLU(0.1), nn.BatchNorm1d(64))).codes == ()
    assert leaky.check(between(nn.BatchNorm1d(64), nn.ReLU())).codes == ()


def test_a_rectifier_that_ends_a_head() -> None:
    line = only(nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1), nn.ReLU()), "LKY405")
    assert line == (
        "3: LKY405 relu ends the model: the output of `2` can never be below 0, and get no gradient once they would "
        "be; take it out and return what `2` gives; for targets above 0 write torch.nn.Softplus()"
    )
    ten = nn.Sequential(nn.Linear(32, 10), nn.LeakyReLU(0.1), nn.Flatten())
    assert "the 10 outputs of `0` are multiplied by 0.1 below 0" in only(ten, "LKY405")
    for end in (nn.Sigmoid(), nn.Tanh(), nn.Softmax(-1), nn.Softplus()):
        assert leaky.check(nn.Sequential(nn.Linear(32, 1), end)).codes == ()
    assert leaky.check(nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU())).codes == ()  # features
    assert leaky.check(nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU())).codes == ()


class Skip(nn.Module):
    """A residual branch that starts with an activation in place."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.body = nn.Sequential(nn.LeakyReLU(0.2, inplace), nn.Conv2d(8, 8, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return x + self.body(x)


def test_in_place_under_a_skip() -> None:
    assert only(Skip(True), "LKY401") == (
        "body.0: LKY401 leaky_relu(negative_slope=0.2, inplace=True) overwrites `first`, which is read again by a "
        "call of `add` afterwards: that sees the activated values; set model.get_submodule('body.0').inplace = False"
    )
    assert leaky.check(Skip(False)).codes == ()


def test_in_place_that_harms_nobody() -> None:
    def statement(x: Tensor) -> Tensor:
        F.relu(x, inplace=True)  # that x changes is all that is wanted
        return x

    def parts(x: Tensor) -> Tensor:
        a, b = x.chunk(2, 1)
        return torch.cat([a.relu_(), b], 1)

    for function in (statement, parts, lambda x: x.relu_().view(-1, 32), lambda x: x.shape and F.relu_(x)):
        assert leaky.check(Of(function)).codes == ()


def test_in_place_through_views() -> None:
    def through_a_view(x: Tensor) -> Tensor:
        flat = x.view(-1)
        y = flat.relu_()
        return x + y.view(-1, 32)

    only(Of(through_a_view), "LKY401")
    returned = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 32))
    assert "overwrites the argument `input` of the model: the caller's tensor is changed" in only(
        returned, "LKY402"
    )


class Opaque(nn.Module):
    """Its forward does not trace."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.ReLU(), nn.Linear(4, 4))
        self.act = nn.LeakyReLU(64)

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            x = self.act(self.act(x))
        return self.body(x)


def test_what_does_not_trace_is_said_and_its_parts_are_read() -> None:
    report = leaky.check(Opaque())
    assert report.codes == ("LKY102", "LKY403")
    assert set(report.unread) == {""}
    assert "note: the model was not read, nothing is claimed of the order of its calls: TraceError" in str(
        report
    )


def test_wrappers_and_lean_models_have_the_same_findings() -> None:
    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8),
            nn.LeakyReLU(0.1),
            nn.Conv2d(8, 64, 3),
            nn.LeakyReLU(64),
            Skip(True),
        )

    model = build()
    expected = [str(finding) for finding in leaky.check(model)]
    assert [line.split()[1] for line in expected] == ["LKY102", "LKY401"]
    lean = build()
    leaky.lean(lean)
    inner = nn.Sequential(*build().children())
    inner[5] = torch.compile(inner[5])
    for other in (
        torch.compile(build()),
        nn.DataParallel(build()),
        torch.compile(nn.DataParallel(build())),
        lean,
        inner,
    ):
        assert [str(finding) for finding in leaky.check(other)] == expected


def test_nothing_changes() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.LeakyReLU(64)
            self.calls = 0
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            self.count += 1
            return self.act(x) * torch.rand(())

    model = nn.Sequential(nn.Linear(3, 3), Counts()).eval()
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    kept = dict(vars(model[1]))
    assert leaky.check(model).codes == ("LKY102",)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert torch.equal(random, torch.get_rng_state())
    assert vars(model[1]) == kept
    assert not any(module.training for module in model.modules())


def test_models_without_values() -> None:
    with torch.device("meta"):
        assert leaky.check(between(nn.LeakyReLU(True))).codes == ("LKY101",)
        assert leaky.check(mlp(8)).codes == ()
    assert leaky.check(nn.Sequential(nn.LazyLinear(4), nn.LeakyReLU(4), nn.LazyLinear(40))).codes == (
        "LKY102",
    )


def test_what_cannot_be_copied_is_not_traced() -> None:
    model = between(nn.LeakyReLU(64), nn.ReLU())
    model.lock = (n for n in ())  # a generator has no copy
    report = leaky.check(model)
    assert report.codes == ("LKY102",)
    assert "it cannot be copied" in report.unread[""]


def test_the_report_is_a_list() -> None:
    report = leaky.check(between(nn.LeakyReLU(64), nn.ReLU()))
    assert (len(report), bool(report), report.codes) == (2, True, ("LKY102", "LKY403"))
    assert report[0] is next(iter(report))
    assert report.summary == "Sequential: 2 findings at 2 activations"
    plain = report.to_json()
    assert plain["findings"][0] == {
        "code": "LKY102",
        "site": "1",
        "message": report[0].message,
        "remedy": report[0].remedy,
    }
    empty = leaky.check(nn.Linear(2, 2))
    assert (len(empty), str(empty)) == (0, "Linear: no activation found")


def test_a_table_for_rich() -> None:
    from rich.console import Console

    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(leaky.check(between(nn.LeakyReLU(64))))
    text = console.export_text()
    assert "LKY102" in text
    assert "what to do" in text


def test_silenced_by_code() -> None:
    model = between(nn.LeakyReLU(64), nn.ReLU())
    report = leaky.check(model, ignore=("LKY102",))
    assert report.codes == ("LKY403",)
    assert dict(report.ignored) == {"LKY102": 1}
    assert report.summary == "Sequential: 1 finding at 2 activations, 1 ignored"
    assert leaky.check(model, ignore=CODES).codes == ()


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        (("x",), {}, ArgumentTypeError, "check: `model` must be a torch.nn.Module, got str"),
        (
            (nn.Linear(2, 2), "adam"),
            {},
            ArgumentTypeError,
            "check: `optimizer` must be a torch.optim.Optimizer, got str",
        ),
        (
            (nn.Linear(2, 2), torch.optim.SGD(nn.Linear(2, 2).parameters())),
            {},
            ArgumentError,
            "check: `optimizer` (SGD) holds no parameter of `model`; make it from model.parameters() after the last "
            "change of the model",
        ),
        (
            (nn.Linear(2, 2),),
            {"ignore": ("LKY20",)},
            ArgumentError,
            "ignore: unknown code `LKY20`: did you mean `LKY20",
        ),
        ((nn.Linear(2, 2),), {"ignore": ("lky101",)}, ArgumentError, "did you mean `LKY101`?"),
        ((nn.Linear(2, 2),), {"ignore": ("E501",)}, ArgumentError, "known are LKY101, LKY102"),
        (
            (nn.Linear(2, 2),),
            {"ignore": "LKY101"},
            ArgumentTypeError,
            "ignore: must be several codes, such as (\"LKY101\",), got 'LKY101'",
        ),
        (
            (nn.Linear(2, 2),),
            {"ignore": (101,)},
            ArgumentTypeError,
            'ignore: a code is text, such as "LKY101", got 101',
        ),
    ],
)
def test_bad_arguments(arguments: Any, keywords: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        leaky.check(*arguments, **keywords)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_example_of_the_docstring_runs() -> None:
    import doctest
    import importlib

    assert doctest.testmod(importlib.import_module("leaky.models.check")) == doctest.TestResults(0, 4)
