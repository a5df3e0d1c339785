"""A diagnosis on a terminal: what fits, what stands in it, and that nothing of a name is obeyed."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from rich.console import Console

from doctor.diagnoses import HOSTILE, diagnosis, example, normal, site
from leaky.doctor.diagnosis import Diagnosis


def shown(record, width):
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(Diagnosis(**{field.name: getattr(record, field.name) for field in fields(record)}))
    return capture.get()


@pytest.mark.parametrize("width", [80, 120])
def test_all_definitions_fit(width):
    text = shown(example(name="encoder.layers.#.mlp.activation"), width)
    assert all(len(line) <= width for line in text.splitlines())
    for heading in ("never", "rarely", "dor-", "zero", "one-", "x > 0", "slope", "reach"):
        assert heading in text
    assert "encoder.layers" in text
    assert "26 died" in text
    assert "fault" in text
    assert "leaky.swap(model," in text
    assert "…" not in text


def test_a_wide_terminal_shows_what_a_narrow_one_has_no_room_for():
    assert "flat" in shown(example(), 120)
    assert "eff." in shown(example(), 130)
    assert "flat" not in shown(example(), 80)
    mixed = shown(diagnosis(site("1", "leaky_relu(0.1)", normal()), site("2", "relu", normal())), 120)
    assert "leaky_relu" in mixed
    assert "grad\n" in mixed.replace(" ", "")
    assert "after it. Flat:" in " ".join(mixed.split())


def test_print_shows_table_and_verdicts_and_repr_is_short():
    record = example()
    told = Diagnosis(**{field.name: getattr(record, field.name) for field in fields(record)})
    assert "MLP: 8 sites of relu, 1536 samples, 24 of 24 steps measured" in str(told)
    assert "dying: 105 of 384 units" in str(told)
    assert repr(told) == "<Diagnosis of MLP: 8 sites, 1536 samples; dying, born_dead, vanishing>"
    assert [verdict["kind"] for verdict in told.to_json()["verdicts"]] == ["dying", "born_dead", "vanishing"]


def test_without_gradients_there_is_a_dash():
    text = shown(diagnosis(site("1", "relu", normal(), None), gradients=False), 80)
    assert "–" in text
    assert "Gradient reach" not in text


def test_hostile_names_are_text():
    text = shown(replace(diagnosis(site(HOSTILE, "relu", normal())), model=HOSTILE, notes=(HOSTILE,)), 120)
    assert "\x1b" not in text
    assert "[bold]" in text.replace("\n", "")
