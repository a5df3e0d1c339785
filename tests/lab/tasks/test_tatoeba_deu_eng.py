"""German into English: parts that share no sentence, and a model that does better than the German itself."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.datasets import fetch
from leaky.lab.preflight import preflight
from leaky.lab.tasks import PRESETS, build
from leaky.lab.tasks.tatoeba_deu_eng import _SIZES, _parts, _words
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

NAME = "tatoeba_deu_eng"
pytestmark = pytest.mark.usefixtures("shared_data")
pytest.importorskip("sacrebleu")
pytest.importorskip("sentencepiece")


def trial(preset: str, **changed: int) -> Trial:
    task = build(NAME, preset, "smoke")
    recipe = task.recipe.changed(**changed).record()
    plan = TrialPlan(NAME, preset, "", "leaky_relu(negative_slope=0.1)", 0.01, 1, "final", recipe)
    return run_trial(task, plan)


def test_no_sentence_of_either_side_is_in_two_parts() -> None:
    parts = _parts(fetch(NAME)["deu-eng.zip"], _SIZES["small"])
    assert len(parts["train"]) == 10_000
    sides = {
        part: [{_words(pair[side]) for pair in pairs} for side in (0, 1)] for part, pairs in parts.items()
    }
    for held_out in ("validation", "test"):
        assert len(parts[held_out]) > 300
        for side in (0, 1):
            assert not sides[held_out][side] & sides["train"][side]
    assert not sides["validation"][1] & sides["test"][1]


def test_ids_spell_the_sentences() -> None:
    parts, task = _parts(fetch(NAME)["deu-eng.zip"], _SIZES["smoke"]), build(NAME, "gru", "smoke")
    _, _, test = task.parts(seed=0)
    spelled = [task.metric.function.subwords.text(ids) for ids in test.targets().tolist()]
    assert spelled == [" ".join(english.split()) for _, english in parts["test"]]


def test_a_smoke_run_translates_better_than_the_german_itself() -> None:
    name, copied = build(NAME, "gru", "smoke").trivial_answer()
    assert name == "the German itself"
    assert copied is not None
    assert 0 < copied < 2
    done = trial("gru")
    assert done.status == "finished", done.error
    assert done.score is not None
    assert done.score > copied + 0.5
    assert done.metrics["chrF"] > 10
    assert done.layers == ("decoder.energy_activation", "decoder.activation")  # writing is not counted again


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = (trial("gru", epochs=1, batch_size=250) for _ in range(2))
    assert (first.score, first.epochs) == (second.score, second.epochs)


@pytest.mark.parametrize("preset", PRESETS[NAME])
def test_a_model_passes_the_preflight_and_leaves_random_states_alone(preset: str) -> None:
    before = torch.get_rng_state()
    preflight(build(NAME, preset, "smoke"), ("relu", "prelu", "tanh"))
    assert torch.equal(torch.get_rng_state(), before)
