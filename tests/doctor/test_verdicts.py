"""Each rule fires on its ground, is silent without it, and says no more than the samples allow."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leaky.doctor import verdicts
from leaky.doctor.rules.certainty import ENOUGH, never_seen_bound, share_interval, trend

from .diagnoses import dead, diagnosis, example, normal, site


def by_kind(*sites: Any, **changes: Any) -> dict[str, Any]:
    return {verdict.kind: verdict for verdict in verdicts(diagnosis(*sites, **changes))}


def chain(factor: float, layers: int = 10, activation: str = "relu", **options: Any) -> list[Any]:
    return [
        site(f"{i}", activation, normal(400, 16, scale=factor**i, seed=i), **options) for i in range(layers)
    ]


def test_a_healthy_network_has_one_verdict_and_no_prescription():
    (verdict,) = verdicts(
        diagnosis(site("1", "relu", normal()), site("3", "leaky_relu(0.1)", normal(seed=1)))
    )
    assert (verdict.kind, verdict.severity, verdict.prescription, verdict.calls) == (
        "healthy",
        "healthy",
        "",
        (),
    )
    assert "on 512 samples" in verdict.text
    assert verdict.confidence == "What happens on under 0.58 % of the data may have been missed (95 %)."


def test_few_samples_are_not_health():
    (verdict,) = verdicts(diagnosis(site("1", "relu", normal(32))))
    assert (verdict.kind, verdict.severity) == ("unclear", "note")
    assert "under 8.9 % of the data" in verdict.confidence


def test_dying_names_share_layers_and_the_call():
    verdict = by_kind(site("1", "relu", dead(normal(), range(16))), site("3", "relu", normal(seed=1)))[
        "dying"
    ]
    assert verdict.severity == "fault"
    assert (
        verdict.text
        == "16 of 64 units (25 %) in 1 of 2 ReLU layers were inactive on 512 samples; all in `1`."
    )
    assert (
        verdict.confidence == "Unseen in 512 samples, each may still be active on up to 0.58 % of all (95 %)."
    )
    assert verdict.calls == ('leaky.swap(model, "relu", "leaky_relu(negative_slope=0.1)", where=["1"])',)
    assert verdict.calls[0] in verdict.prescription
    assert [(e.value, e.samples, e.site) for e in verdict.evidence[:1]] == [(0.5, 512, "1")]


def test_where_is_left_out_where_all_sites_are_meant():
    found = by_kind(*(site(name, "relu", dead(normal(), range(9))) for name in ("1", "3")))
    assert found["dying"].calls == ('leaky.swap(model, "relu", "leaky_relu(negative_slope=0.1)")',)


def test_with_few_samples_none_is_called_dead_and_nothing_prescribed():
    verdict = by_kind(site("1", "relu", dead(normal(32), range(8))))["dying"]
    assert verdict.severity == "warning"
    assert "not seen active on 32 samples" in verdict.text
    assert "up to 8.9 % of all (95 %), so none is called dead: that takes 299 samples." in verdict.confidence
    assert verdict.calls == ()
    assert verdict.prescription == "Measure on at least 299 samples before changing anything."


@pytest.mark.parametrize(("samples", "dead_word"), [(ENOUGH - 1, False), (ENOUGH, True)])
def test_the_line_between_unseen_and_dead_is_the_rule_of_three(samples, dead_word):
    verdict = by_kind(site("1", "relu", dead(normal(samples), range(8))))["dying"]
    assert bool(verdict.calls) is dead_word
    assert ("not seen" in verdict.text) is not dead_word


def test_a_few_inactive_units_are_a_note_without_a_prescription():
    found = by_kind(site("1", "relu", dead(normal(units=100), [3])))
    assert (found["dying"].severity, found["dying"].prescription) == ("note", "")
    assert "healthy" in found


def test_a_leaky_unit_is_never_called_dead():
    found = by_kind(site("1", "leaky_relu(0.1)", dead(normal(), range(10))))
    assert not {"dying", "dead_layer", "born_dead"} & set(found)
    assert found["one_sided"].text == (
        "10 of 32 units of `1` (31 %) stayed on one side of the kink on 512 samples "
        "(0 always positive, 10 always negative): they act linearly."
    )


def test_since_when_units_died_is_told():
    x = normal(64, 20)
    windows = [(step, dead(normal(64, 20, seed=step), range(step // 10))) for step in range(0, 100, 10)]
    verdict = by_kind(site("1", "relu", np.concatenate([x for _, x in windows] + [x]), windows=windows))[
        "dying"
    ]
    # of the nine that died, those of the last windows were seen inactive on too few samples
    assert verdict.text.startswith("5 of 20 units (25 %) in 1 of 1 ReLU layer were inactive on 320 samples")
    assert "4 more fell silent too lately to tell" in verdict.text
    assert "All had been active before and died from step 10 on, half of them by step 30." in verdict.text


def test_born_dead_is_told_apart_from_dying():
    found = {verdict.kind: verdict for verdict in verdicts(example())}
    born, dying = found["born_dead"], found["dying"]
    assert "were inactive at step 0 and on all 1536 samples since" in born.text
    assert born.calls[0] == 'leaky.initialise_(model, "randomized_asymmetric")'
    assert "died from step 10 on" in dying.text
    assert "layers.0.act" not in born.sites


def test_one_pass_cannot_tell_born_dead_from_died():
    found = by_kind(site("1", "relu", dead(normal(), range(32))), site("3", "relu", normal(seed=1)))
    assert "born_dead" not in found
    assert found["dead_layer"].severity == "fault"
    assert "Whether it was born so or died, one pass cannot tell" in found["dead_layer"].text
    assert "Width" not in found["dead_layer"].text


def test_narrow_layers_explain_a_dead_one():
    sites = [
        site(f"{i}", "relu", dead(normal(600, 2, seed=i), range(2) if i == 4 else [])) for i in range(10)
    ]
    assert (
        "10 layers of width 2 have a dead one in up to 94 % of the draws of a symmetric initialisation"
        in by_kind(*sites)["dead_layer"].text
    )


def test_a_dead_layer_on_few_samples_is_no_fault():
    verdict = by_kind(site("1", "relu", dead(normal(16), range(32))))["dead_layer"]
    assert (verdict.severity, verdict.calls) == ("warning", ())
    assert "no unit of `1` was seen active on 16 samples." in verdict.text


def test_inputs_all_positive_forbid_a_swap():
    verdict = by_kind(site("1", "leaky_relu(0.1)", normal(mean=6)), site("3", "relu", normal()))[
        "all_positive"
    ]
    assert verdict.severity == "note"
    assert "a leaky ReLU changes nothing here" in verdict.text
    assert verdict.calls == ()
    assert verdict.prescription.startswith("No swap: another negative slope would act on 0 % of the inputs")
    assert verdict.confidence == "512 samples: at least 99.26 % of them (95 %)."
    both = by_kind(site("1", "relu", normal(mean=6)), site("3", "relu", normal(mean=6)))["all_positive"]
    assert (both.severity, "close to linear" in both.text) == ("warning", True)


def test_slope_one_is_linear():
    found = by_kind(
        site("1", "leaky_relu(negative_slope=1)", normal()), site("3", "leaky_relu(0.1)", normal())
    )
    assert found["linear"].severity == "fault"
    assert "effective slope of 1" in found["linear"].text
    assert found["linear"].calls == (
        'leaky.swap(model, "leaky_relu", "leaky_relu(negative_slope=0.1)", where=["1"])',
    )
    assert "linear" not in by_kind(site("1", "leaky_relu(negative_slope=0.3)", normal()))


def test_mostly_one_sided_units_are_linear_and_a_slope_does_not_help():
    x = normal()
    x[:, :20] = np.abs(x[:, :20]) + 0.1
    verdict = by_kind(site("1", "leaky_relu(0.1)", x))["linear"]
    assert "20 always positive, 0 always negative" in verdict.text
    assert not any("swap" in call for call in verdict.calls)


def test_a_smooth_function_in_its_straight_range():
    assert "linear" in by_kind(site("1", "tanh", normal(scale=0.1)))
    assert "linear" not in by_kind(site("1", "tanh", normal(scale=1.5)))


@pytest.mark.parametrize(("factor", "kind"), [(0.6, "vanishing"), (1.8, "exploding")])
def test_depth_has_a_factor_an_interval_and_a_gain(factor, kind):
    verdict = by_kind(*chain(factor))[kind]
    (evidence,) = verdict.evidence
    assert evidence.value == pytest.approx(factor, rel=0.02)
    assert evidence.low < factor < evidence.high
    assert f"Weights {1 / evidence.value:.3g} times as large would hold it" in verdict.prescription
    gain = 2**0.5 * evidence.value
    assert f"relu takes a gain of 1.414, and these act as if theirs were {gain:.3g}" in verdict.prescription
    assert "explains 100 %" in verdict.confidence


def test_depth_is_silent_on_noise_and_on_three_layers():
    rng = np.random.default_rng(0)
    noisy = [site(f"{i}", "relu", normal(400, 16, scale=10 ** rng.normal(0, 1), seed=i)) for i in range(12)]
    assert not {"vanishing", "exploding"} & set(by_kind(*noisy))
    assert not {"vanishing", "exploding"} & set(by_kind(*chain(0.1, layers=3)))
    assert not {"vanishing", "exploding"} & set(by_kind(*chain(1.0)))


def test_gradients_are_followed_backwards():
    sites = [site(f"{i}", "relu", normal(400, 16, seed=i), 0.5 ** (9 - i)) for i in range(10)]
    verdict = by_kind(*sites)["vanishing_gradient"]
    assert verdict.evidence[0].value == pytest.approx(0.5, rel=0.05)
    assert "from `9` to `0`" in verdict.text
    assert "vanishing_gradient" not in by_kind(*chain(1.0, gradient=None))


def test_saturation():
    verdict = by_kind(site("1", "sigmoid", normal(scale=20)), site("3", "tanh", normal()))["saturated"]
    assert verdict.sites == ("1",)
    assert "of the outputs lie within 5 % of a bound" in verdict.text
    assert "saturated" not in by_kind(site("1", "sigmoid", normal()))


def test_nan_is_a_finding_and_silences_the_rest():
    x = dead(normal(), range(20))
    x[5, 3] = np.nan
    found = by_kind(site("1", "relu", normal(seed=1)), site("3", "relu", x), site("5", "relu", x))
    verdict = found["not_finite"]
    assert verdict.text == "0.0061 % of the inputs of `3` are NaN, and those of 1 more site after it."
    assert "The last site with numbers is `1`" in verdict.prescription
    assert set(found) == {"not_finite"}


def test_dormant_units_are_recycled_and_the_dead_not_counted_again():
    x = dead(normal(), range(4))
    x[:, 4:12] *= 1e-3
    verdict = by_kind(site("1", "relu", x))["dormant"]
    assert verdict.text.startswith("8 of 32 units (25 %) of `1` are dormant")
    assert verdict.calls[0].startswith("leaky.recycle(model, optimizer, {name: diagnosis[name].dormant.units")
    assert "dormant" not in by_kind(site("1", "relu", dead(normal(), range(4))))


def test_no_gradient_is_told_unless_a_dead_layer_explains_it():
    sites = [site("1", "relu", normal(), 0.0), site("3", "relu", normal(seed=1), 0.0)]
    assert by_kind(*sites)["no_gradient"].sites == ("1", "3")
    found = by_kind(sites[0], site("3", "relu", dead(normal(), range(32)), 1.0))
    assert "no_gradient" not in found
    assert "no_gradient" not in by_kind(site("1", "relu", normal(), None))


def test_a_site_without_samples_is_unclear():
    assert (
        "got no samples"
        in verdicts(diagnosis(site("1", "relu", normal()), replace(site("3", "relu", normal()), samples=0)))[
            -1
        ].text
    )


def test_the_gravest_comes_first_and_all_of_it_is_plain_data():
    found = verdicts(example())
    order = ["fault", "warning", "healthy", "note"]
    assert [v.severity for v in found] == sorted((v.severity for v in found), key=order.index)
    assert json.loads(json.dumps([v.to_json() for v in found], allow_nan=False))[0]["kind"] == "dying"


def test_every_call_is_python_and_every_prescription_has_evidence():
    x = normal()
    x[:, :20] = np.abs(x[:, :20]) + 0.1
    everything = [
        *verdicts(example()),
        *verdicts(
            diagnosis(
                *chain(0.5), site("l", "leaky_relu(1)", normal()), site("s", "sigmoid", normal(scale=30))
            )
        ),
        *verdicts(diagnosis(site("o", "leaky_relu(0.1)", x), site("t", "tanh", normal(scale=0.1)))),
    ]
    assert len({verdict.kind for verdict in everything}) >= 5
    for verdict in everything:
        for call in verdict.calls:
            ast.parse(call, mode="eval")
            assert f"`{call}`" in verdict.prescription
        if verdict.prescription:
            assert verdict.evidence
            assert all(evidence.samples > 0 for evidence in verdict.evidence)


def test_the_bounds_are_the_textbook_ones():
    assert never_seen_bound(1000) == pytest.approx(3 / 1000, rel=0.01)
    assert never_seen_bound(0) == 1.0
    assert share_interval(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    scipy = pytest.importorskip("scipy.stats")
    values = [2.0, 3.1, 3.9, 8.5, 16.0, 30.0, 70.0, 120.0, 260.0, 480.0, 1100.0, 2100.0, 4100.0, 8000.0]
    fit = scipy.linregress(range(len(values)), np.log(values))
    found = trend(values)
    assert found is not None
    half = scipy.t.ppf(0.975, len(values) - 2) * fit.stderr
    expected = np.exp([fit.slope, fit.slope - half, fit.slope + half])
    assert [found.factor, found.low, found.high] == pytest.approx(expected, rel=1e-4)
    assert found.fit == pytest.approx(fit.rvalue**2)


def test_the_rules_load_no_torch():
    code = "import sys, leaky.doctor.rules; print({'torch', 'scipy', 'plotly'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_outputs_and_gates_may_be_saturated_where_hidden_layers_may_not() -> None:
    body = [site(f"act{i}", "relu", normal(seed=i)) for i in range(2)]
    sure = site("out", "sigmoid", normal(units=1, scale=20.0), bounded=True)
    found = by_kind(*body, sure)
    assert (found["saturated"].severity, found["saturated"].calls) == ("note", ())
    assert "healthy" in found
    gate = site("gate", "sigmoid", normal(mean=10.0), bounded=True)
    assert by_kind(body[0], gate, body[1])["saturated"].severity == "note"
    hidden = [site(f"s{i}", "tanh", normal(scale=20.0, seed=i), bounded=True) for i in range(3)]
    assert by_kind(*hidden)["saturated"].severity == "fault"
    assert by_kind(hidden[0], *body)["saturated"].calls


def test_an_output_that_is_near_0_is_not_dormant() -> None:
    x = normal()
    x[:, :8] -= 30.0  # the dark corners of a picture
    body = [site(f"act{i}", "relu", normal(seed=i)) for i in range(2)]
    assert "dormant" not in by_kind(*body, site("out", "sigmoid", x, bounded=True))


def test_one_smooth_site_among_many_is_no_ground_for_another_initialisation() -> None:
    body = [site(f"act{i}", "relu", normal(seed=i)) for i in range(3)]
    gate = site("gate", "sigmoid", normal(scale=0.1), bounded=True)
    found = by_kind(body[0], gate, *body[1:])["linear"]
    assert (found.severity, found.prescription, found.calls) == ("note", "", ())


def test_a_gradient_spread_over_more_positions_does_not_vanish() -> None:
    sites = []
    for stage in range(
        6
    ):  # each half as wide as the last: its gradient of the same norm in a quarter of the values
        one = site(f"stage{stage}", "leaky_relu", normal(seed=stage), 1e-3 * 2.0**stage)
        sites.append(replace(one, layer=replace(one.layer, gradient_norm=1.0 + 0.01 * stage)))
    assert not {"vanishing_gradient", "exploding_gradient"} & set(by_kind(*sites))
