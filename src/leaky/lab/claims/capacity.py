"""Claims about what narrow and random networks can tell apart: linear pieces, and networks that are born dead."""

from __future__ import annotations

import math

import numpy as np

from leaky.catalogue import parse
from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.signals import gain_of, unit_inputs, value
from leaky.lab.claims.words import BLOG, DEFINED, leaky, says
from leaky.records.ledger import Prediction


def pieces(
    seed: int,
    *,
    activations: list[str],
    gains: list[str],
    depths: list[int],
    width: int,
    lines: int,
    points: int,
) -> Values:
    """log10 of the linear pieces along lines through the input space: places where any unit's sign changes."""
    random = np.random.default_rng([seed, width])
    draws = random.standard_normal((max(depths), width, width)) / math.sqrt(width)
    biases = 0.5 * random.standard_normal((max(depths), width))
    ends = unit_inputs(random.standard_normal((2, lines, 1, width)))
    along = np.linspace(-1, 2, points)[:, None]  # as far again beyond either end
    start = ends[0] * (1 - along) + ends[1] * along
    found = {}
    for text in activations:
        spec = parse(text)
        for gain in gains:
            signal = start
            changes = np.zeros((lines, points - 1), bool)
            for depth in range(1, max(depths) + 1):
                before = (gain_of(spec, gain) if depth > 1 else 1.0) * signal @ draws[depth - 1]
                before += biases[depth - 1]
                positive = before > 0
                changes |= (positive[:, 1:] != positive[:, :-1]).any(-1)
                signal = value(spec, before)
                if depth in depths:
                    found[f"{text}, gain {gain}, {depth} layers"] = float(np.log10(1 + changes.sum(1).mean()))
    return found


def constant_networks(
    seed: int, *, activations: list[str], widths: list[int], depths: list[int], networks: int, samples: int
) -> Values:
    """Share of narrow networks at He's initialisation, without biases, that answer alike to every input."""
    found = {}
    for width in widths:
        random = np.random.default_rng([seed, width])
        draws = random.standard_normal((max(depths), networks, width, width)) / math.sqrt(width)
        start = unit_inputs(random.standard_normal((networks, samples, width)))
        for text in activations:
            spec, signal = parse(text), start
            for depth, draw in enumerate(draws, start=1):
                signal = value(spec, (spec.gain if depth > 1 else 1.0) * signal @ draw)
                if depth in depths:
                    constant = (signal == signal[:, :1]).all((1, 2))
                    found[f"{text}, width {width}, {depth} layers"] = float(constant.mean())
    return found


PIECES = Claim(
    number=15,
    name="regions",
    statement="Leaky ReLU is like a linear function, so a network with it is made of fewer linear pieces.",
    made_in=f"{BLOG}; that it is poor at complex classification for this reason is another claim",
    literature="A Leaky ReLU is a linear combination of ReLU and the identity: pieces meet where ReLU's do.",
    predicted="The same number of pieces in one layer with the same weights.",
    expected="refuted",
    defined=DEFINED,
    experiment="Changes of any unit's sign along 32 random lines of 4,001 points, from inputs of second moment 1 to "
    "as far again on either side, in one and three layers of 64 units with normal biases of 0.5; on the same draws, "
    "with ReLU's gain sqrt(2) for all and with each one's own gain from the second layer on. Fewer is by 5 %.",
    method=Measurement(
        pieces,
        {
            "activations": ["relu", *map(leaky, ("0.01", "0.2", "1/3"))],
            "gains": ["sqrt(2)", "own"],
            "depths": [1, 3],
            "width": 64,
            "lines": 32,
            "points": 4001,
        },
        {"width": 8, "lines": 2, "points": 101},
    ),
    hypotheses=tuple(
        says(
            f"fewer pieces with slope {slope} than with ReLU, {words}",
            f"{leaky(slope)}, gain {gain}, {layers} layers",
            "lower",
            -math.log10(0.95),
            than=f"relu, gain {gain}, {layers} layers",
            unit="log10(pieces)",
        )
        for slope, gain, layers, words in (
            ("0.2", "sqrt(2)", 1, "one layer"),
            ("0.01", "sqrt(2)", 3, "three layers, the same weights"),
            ("0.2", "sqrt(2)", 3, "three layers, the same weights"),
            ("0.01", "own", 3, "three layers, own gains"),
            ("0.2", "own", 3, "three layers, own gains"),
        )
    ),
    predictions=(
        Prediction(
            "as many as ReLU in one layer",
            (f"{leaky('0.2')}, gain sqrt(2), 1 layers", "relu, gain sqrt(2), 1 layers"),
            0.0,
            0.0,
        ),
    ),
)

_CONSTANT = "share of networks"

BORN_DEAD = Claim(
    number=26,
    name="born_dead",
    statement="Deep narrow ReLU networks are born dead, Leaky ReLU networks are not.",
    made_in="Lu, Shin, Su, Karniadakis 2020; Rister, Rubin 2017",
    literature="Proved: the probability tends to 1 with depth for ReLU; it is 0 for a slope above 0.",
    predicted="Rising with depth and falling with width for ReLU; probability 0 with a slope above 0.",
    expected="supported",
    defined=DEFINED,
    experiment="200 networks a seed of 2 to 16 units and 10 to 100 layers without biases, normal weights at each "
    "activation's own gain from the second layer on, 32 inputs of second moment 1: the share that give one answer to "
    "all of them. Born dead is more than half of the networks, a trend a tenth of them, alive less than one in a "
    "hundred that is dead.",
    method=Measurement(
        constant_networks,
        {
            "activations": ["relu", leaky("0.01"), leaky("0.2")],
            "widths": [2, 4, 8, 16],
            "depths": [10, 50, 100],
            "networks": 200,
            "samples": 32,
        },
        {"widths": [2, 4, 16], "networks": 10, "samples": 8},
    ),
    hypotheses=(
        says(
            "more than half of the ReLU networks of width 4 and 100 layers are constant",
            "relu, width 4, 100 layers",
            "higher",
            reference=0.5,
            unit=_CONSTANT,
        ),
        says(
            "more of them at 100 layers than at 10, ReLU of width 4",
            "relu, width 4, 100 layers",
            "higher",
            0.1,
            than="relu, width 4, 10 layers",
            unit=_CONSTANT,
        ),
        says(
            "fewer of them at width 16 than at 4, ReLU of 100 layers",
            "relu, width 16, 100 layers",
            "lower",
            0.1,
            than="relu, width 4, 100 layers",
            unit=_CONSTANT,
        ),
        *(
            says(
                f"less than one in a hundred is with slope {slope}, width 2, 100 layers",
                f"{leaky(slope)}, width 2, 100 layers",
                "lower",
                reference=0.01,
                unit=_CONSTANT,
            )
            for slope in ("0.01", "0.2")
        ),
    ),
    predictions=tuple(
        Prediction(f"none with slope {slope}", (f"{leaky(slope)}, width 2, 100 layers",), 0.0, 0.0)
        for slope in ("0.01", "0.2")
    ),
)

CLAIMS = (PIECES, BORN_DEAD)
