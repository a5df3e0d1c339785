"""Claims about a first layer of ReLU units at the start: what is inactive, and what is dead."""

from __future__ import annotations

import math

import numpy as np

from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.words import BLOG, DEFINED, ESSAY, says
from leaky.records.ledger import Prediction


def inactive(seed: int, *, units: int, samples: int, inputs: list[int]) -> Values:
    """A first layer at He's initialisation: how many pre-activations are not above 0, and units that never are.

    Inputs are uniform in (-1/2, 1/2), "centred", or in (0, 1): the same draws. No bias, so their scale is nothing.
    """
    found = {}
    for size in inputs:
        random = np.random.default_rng([seed, units, size])
        weights = random.standard_normal((size, units)) * math.sqrt(2 / size)
        raw = random.random((samples, size))
        for kind, x in (("centred", raw - 0.5), ("in (0, 1)", raw)):
            off = x @ weights <= 0
            found[f"inactive pairs, {size} inputs {kind}"] = float(off.mean())
            found[f"dead units, {size} inputs {kind}"] = float(off.all(0).mean())
    return found


_METHOD = Measurement(
    inactive, {"units": 1024, "samples": 2000, "inputs": [16, 64, 256]}, {"units": 64, "samples": 100}
)
_HOW = (
    "1,024 ReLU units at He's initialisation, without biases; 2,000 samples of 16, 64 or 256 uniform numbers, "
    "centred or in (0, 1)"
)
_KINDS = ("centred", "in (0, 1)")

HALF_INACTIVE = Claim(
    number=5,
    name="half_inactive",
    statement="Half of the ReLU neurons are inactive.",
    made_in=f"{ESSAY}, which goes on to call them permanently deactivated: `half_dead`",
    literature="Glorot, Bordes, Bengio 2011: about half of the units of a sample are zero after a uniform start.",
    predicted="0.50 of the pairs of unit and sample.",
    expected="supported",
    defined=DEFINED,
    experiment=f"{_HOW}: the share of pairs of unit and sample that are not above 0. Half is within 2 % of the "
    "pairs.",
    method=_METHOD,
    hypotheses=tuple(
        says(
            f"half of the pairs are inactive, 64 inputs {kind}",
            f"inactive pairs, 64 inputs {kind}",
            "same",
            0.02,
            reference=0.5,
            unit="share of pairs",
        )
        for kind in _KINDS
    ),
    predictions=tuple(
        Prediction(f"half of the pairs, inputs {kind}", (f"inactive pairs, 64 inputs {kind}",), 0.49, 0.51)
        for kind in _KINDS
    ),
)

HALF_DEAD = Claim(
    number=5,
    name="half_dead",
    statement="Without a negative output half of the ReLU neurons are permanently deactivated.",
    made_in=ESSAY,
    literature="Half of the pairs of unit and sample are inactive (`half_inactive`); that is not half of the units.",
    predicted="No dead unit where inputs are centred, 2.5 to 3.3 % where they are in (0, 1).",
    expected="refuted",
    defined=DEFINED,
    experiment=f"{_HOW}. A unit is dead where it is above 0 for no sample. Half is within 10 % of the units: the "
    "words are rough.",
    method=_METHOD,
    hypotheses=tuple(
        says(
            f"half of the units are dead, 64 inputs {kind}",
            f"dead units, 64 inputs {kind}",
            "same",
            0.1,
            reference=0.5,
            unit="share of units",
        )
        for kind in _KINDS
    ),
    predictions=(
        Prediction("no dead unit, inputs centred", ("dead units, 64 inputs centred",), 0.0, 0.0),
        Prediction("2.5 % dead, 64 inputs in (0, 1)", ("dead units, 64 inputs in (0, 1)",), 0.0206, 0.0294),
    ),
)

UNIT_INPUTS = Claim(
    number=6,
    name="unit_inputs",
    statement="If the data are mostly positive or normalised to (0, 1), there is no need for Leaky ReLU: no more "
    "units are dead.",
    made_in=BLOG,
    literature="The sign of a pre-activation is set by its weights too, whatever the sign of the inputs.",
    predicted="2.5 to 3.3 % of first-layer units are dead at the start with inputs in (0, 1), none with centred "
    "ones.",
    expected="refuted",
    defined=DEFINED,
    experiment=f"{_HOW}: how many more units are dead at the start with inputs in (0, 1) than with the same ones "
    "centred. As few is within half a per cent of the units, one in 200. What it does to accuracy is another "
    "question.",
    method=_METHOD,
    hypotheses=tuple(
        says(
            f"as few units are dead as with centred inputs, {size} inputs",
            f"dead units, {size} inputs in (0, 1)",
            "same",
            0.005,
            than=f"dead units, {size} inputs centred",
            unit="share of units",
        )
        for size in (16, 64, 256)
    ),
    predictions=tuple(
        Prediction(f"{text} dead, {size} inputs in (0, 1)", (f"dead units, {size} inputs in (0, 1)",), *band)
        for size, text, band in (
            (16, "3.3 %", (0.0278, 0.0378)),
            (64, "2.5 %", (0.0206, 0.0294)),
            (256, "2.7 %", (0.0212, 0.0320)),
        )
    ),
)

CLAIMS = (HALF_INACTIVE, HALF_DEAD, UNIT_INPUTS)
