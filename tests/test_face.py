"""The face: what importing leaky loads, the names it has, and that every example in a docstring runs."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import leaky
from leaky import arrays

HEAVY = ("torch", "scipy", "sklearn", "plotly", "matplotlib", "jax", "dask", "pandas", "typer", "rich")


def _loaded_after(code: str) -> set[str]:
    """The heavy modules that are in sys.modules after `code` ran in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_leaky_on_numpy_loads_nothing_heavy() -> None:
    code = """
import leaky, numpy
for name, entry in leaky.catalogue.items():
    leaky.parse(name)
    if entry.value_formula:
        getattr(leaky, name)(numpy.array([[-1.0, 2.0]]))
        entry.gain(), entry.backward_gain()
leaky.translate("keras:LeakyReLU", to="torch")
dir(leaky)
"""
    assert _loaded_after(code) == set()


def test_leaky_on_torch_loads_only_torch() -> None:
    pytest.importorskip("torch")
    loaded = _loaded_after(
        "import leaky, torch, leaky.nn; leaky.leaky_relu(torch.ones(2)); leaky.nn.LeakyReLU()"
    )
    assert "torch" in loaded
    # scipy, pandas and the like are torch's own business (its compiler looks for them), jax and dask are not
    assert loaded.isdisjoint({"jax", "dask", "sklearn", "plotly", "matplotlib", "typer", "rich"})


def test_every_function_is_a_name_of_leaky() -> None:
    assert set(leaky.catalogue) <= set(dir(leaky)) & set(leaky.__all__)
    for name in leaky.catalogue:
        assert getattr(leaky, name) is arrays.FUNCTIONS[name]
    namespace: dict[str, object] = {}
    exec("from leaky import leaky_relu, parse, catalogue", namespace)
    assert namespace["leaky_relu"] is arrays.FUNCTIONS["leaky_relu"]


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'leaky' has no attribute 'nope'$"):
        leaky.nope  # noqa: B018
    assert not hasattr(leaky, "torch_leaky_relu")


def test_a_name_that_is_near_one_gets_a_hint() -> None:
    with pytest.raises(AttributeError, match=r"'reul'; did you mean `relu`\?$"):
        _ = leaky.reul
    with pytest.raises(
        AttributeError, match=r"'SReLU'; the acronym means several, write one of `squared_relu`"
    ):
        _ = leaky.SReLU
    assert not hasattr(leaky, "__wrapped__")


def _run(text: str | None, name: str, globals_: dict[str, object]) -> int:
    """Run the examples of a docstring; how many there were."""
    test = doctest.DocTestParser().get_doctest(text or "", dict(globals_), name, None, None)
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert result.failed == 0, "".join(report)
    return result.attempted


@pytest.mark.parametrize("name", list(leaky.catalogue))
def test_the_example_of_a_function_runs(name: str) -> None:
    assert _run(getattr(leaky, name).__doc__, name, {}) == 2


@pytest.mark.parametrize("name", sorted({entry.module for entry in leaky.catalogue.values()}))
def test_the_example_of_a_module_runs(name: str) -> None:
    nn = pytest.importorskip("leaky.nn")
    assert _run(getattr(nn, name).__doc__, name, {}) == 2


@pytest.mark.parametrize(
    ("module", "least"),
    [
        ("leaky.catalogue.spec", 1),
        ("leaky.nn.init", 3),
        ("leaky.nn.modules", 1),
        ("leaky.nn.groups", 3),
        ("leaky.nn.activations.adaptive", 2),
        ("leaky.catalogue.conventions.translate", 4),
        ("leaky.models.from_module", 3),
    ],
)
def test_the_other_examples_run(module: str, least: int) -> None:
    pytest.importorskip("torch")
    found: ModuleType = importlib.import_module(module)
    own = [test for test in doctest.DocTestFinder().find(found) if test.examples]
    assert sum(_run(test.docstring, test.name, vars(found)) for test in own) >= least
