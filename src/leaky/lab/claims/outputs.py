"""What the outputs of random networks are like: how far apart inputs stay, how sparse they are, how centred."""

from __future__ import annotations

import math

import numpy as np

from leaky.catalogue import parse
from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.signals import RandomNetwork, rms
from leaky.lab.claims.words import DEFINED, ESSAY, leaky, says
from leaky.records.ledger import Prediction


def cosines(seed: int, *, activations: list[str], depth: int, width: int, samples: int) -> Values:
    """Mean cosine of the outputs to two inputs, each activation at its own gain."""
    network = RandomNetwork(seed, depth, width, samples)
    found = {}
    for text in activations:
        spec = parse(text)
        out = network.outputs(spec, spec.gain)
        unit = out / np.linalg.norm(out, axis=1, keepdims=True)
        found[text] = float((unit @ unit.T)[np.triu_indices(samples, 1)].mean())
    return found


def sparsity(seed: int, *, activations: list[str], depth: int, width: int, samples: int) -> Values:
    """Exact zeros, values below a hundredth of the rms, and Hoyer's sparsity, of the last layer's outputs.

    Hoyer 2004: (sqrt(n) - |x|_1 / |x|_2) / (sqrt(n) - 1), over the units, a mean over the samples.
    """
    network = RandomNetwork(seed, depth, width, samples)
    found = {}
    for text in activations:
        spec = parse(text)
        out = np.abs(network.outputs(spec, spec.gain))
        root = math.sqrt(width)
        norms = np.linalg.norm(out, axis=1)
        found[f"exact zeros, {text}"] = float((out == 0).mean())
        found[f"near zeros, {text}"] = float((out < 0.01 * rms(out)).mean())
        found[f"Hoyer, {text}"] = float(((root - out.sum(1) / norms) / (root - 1)).mean())
    return found


def means(seed: int, *, activations: list[str], depth: int, width: int, samples: int) -> Values:
    """Size of a unit's mean output over its rms, a mean over the last layer but for dead units."""
    network = RandomNetwork(seed, depth, width, samples)
    found = {}
    for text in activations:
        spec = parse(text)
        out = network.outputs(spec, spec.gain)
        size = np.sqrt(np.square(out).mean(0))
        alive = size > 0
        found[text] = float(np.mean(np.abs(out.mean(0)[alive]) / size[alive]))
    return found


_HOW = "normal weights at each activation's own gain from the second layer on, inputs of second moment 1, no biases"
_COSINES = {"0.01": (0.988, 0.005), "0.2": (0.965, 0.01), "1/3": (0.942, 0.015), "0.7": (0.573, 0.05)}

COSINE = Claim(
    number=12,
    name="small_slope_apart",
    statement="In a deep network a slope of 0.01 keeps inputs as far apart as a larger slope does.",
    made_in=f"implied by {ESSAY}, which prefers 0.01; whether it trains best is another claim",
    literature="Poole et al. 2016: in a deep network at the edge of chaos the cosine of two inputs tends to 1.",
    predicted="Cosine of two outputs after 50 layers: 0.988 at slopes 0 and 0.01, 0.965 at 0.2, 0.942 at 1/3, 0.573 "
    "at 0.7.",
    expected="refuted",
    defined=DEFINED,
    experiment=f"32 random inputs through 50 layers of 256 units, {_HOW}: the mean cosine of two outputs, 1 where "
    "they cannot be told apart. As far is within 0.01, about what is left of the distance at 0.01.",
    method=Measurement(
        cosines,
        {"activations": ["relu", *map(leaky, _COSINES)], "depth": 50, "width": 256, "samples": 32},
        {"width": 32, "samples": 4},
    ),
    hypotheses=tuple(
        says(
            f"slope 0.01 brings inputs no closer together than {slope}",
            leaky("0.01"),
            "same",
            0.01,
            than=leaky(slope),
            unit="cosine",
        )
        for slope in ("0.2", "1/3", "0.7")
    ),
    predictions=tuple(
        Prediction(f"{cosine} at slope {slope}, within {band}", (leaky(slope),), cosine - band, cosine + band)
        for slope, (cosine, band) in _COSINES.items()
    ),
)

SPARSE = Claim(
    number=16,
    name="sparse",
    statement="Leaky ReLU has sparse activation patterns.",
    made_in=ESSAY,
    literature="Maas et al. 2013: leaky rectifiers give up hard zeros; Xu et al. 2015: sparsity is not the key.",
    predicted="No exact zero against about half of them with ReLU; by Hoyer's measure as with ReLU at 0.01, not at "
    "0.2.",
    expected="mixed",
    defined=DEFINED,
    experiment=f"Outputs of the fourth layer of 256 units, {_HOW}: the share of exact zeros, of values below a "
    "hundredth of the rms, and Hoyer's sparsity. As sparse as ReLU's is within 5 % of the outputs, or 0.05 of "
    "Hoyer's measure from 0 to 1.",
    method=Measurement(
        sparsity,
        {
            "activations": ["relu", *map(leaky, ("0.01", "0.2", "1/3"))],
            "depth": 4,
            "width": 256,
            "samples": 256,
        },
        {"width": 32, "samples": 8},
    ),
    hypotheses=tuple(
        says(
            f"as many {words} with slope {slope} as with ReLU",
            f"{measure}, {leaky(slope)}",
            "same",
            0.05,
            than=f"{measure}, relu",
            unit=unit,
        )
        for slope, measure, words, unit in (
            ("0.01", "exact zeros", "exact zeros", "share of outputs"),
            ("0.01", "near zeros", "values near zero", "share of outputs"),
            ("0.01", "Hoyer", "concentrated outputs (Hoyer)", "Hoyer's sparsity"),
            ("0.2", "Hoyer", "concentrated outputs (Hoyer)", "Hoyer's sparsity"),
        )
    ),
    predictions=(
        Prediction("half are zeros with ReLU", ("exact zeros, relu",), 0.45, 0.55),
        Prediction("none is with slope 0.01", (f"exact zeros, {leaky('0.01')}",), 0.0, 0.0),
    ),
)

ELU_MEAN = Claim(
    number=24,
    name="elu_mean",
    statement="ELU's negative values bring mean activations closer to zero than Leaky ReLU's.",
    made_in=ESSAY,
    literature="Clevert et al. 2016.",
    predicted="E f is 0.16 for ELU and 0.39 for slope 0.01, of an rms of 0.80 and 0.71.",
    expected="supported",
    defined=DEFINED,
    experiment=f"The fourth layer of 256 units on 512 samples, {_HOW}: the size of a unit's mean over its rms, "
    "averaged over the layer. Closer is by 0.05 of the rms.",
    method=Measurement(
        means,
        {
            "activations": ["relu", *map(leaky, ("0.01", "0.2")), "elu"],
            "depth": 4,
            "width": 256,
            "samples": 512,
        },
        {"width": 16, "samples": 32},
    ),
    hypotheses=tuple(
        says(
            f"ELU's mean is smaller than with slope {slope}",
            "elu",
            "lower",
            0.05,
            than=leaky(slope),
            unit="rms",
        )
        for slope in ("0.01", "0.2")
    ),
)

CLAIMS = (COSINE, SPARSE, ELU_MEAN)
