"""Claims about units while networks train: dying, recovering, slopes that are too small, plasticity, the kink."""

from __future__ import annotations

from leaky.lab.claims import signals, small_networks
from leaky.lab.claims.claim import Claim, Measurement
from leaky.records.ledger import Hypothesis

_ESSAY = "an essay on Leaky ReLU"
_DEFINED = "2026-11-21"
_LEAKY = "leaky_relu(negative_slope=0.01)"
_SHARE = "share of units"

PREVENTS = Claim(
    3,
    "prevents_death",
    "Leaky ReLU prevents dead neurons.",
    _ESSAY,
    "Maas et al. 2013; Sokar et al. 2023 count dormant units of any activation.",
    "ReLU's dead units rise with the learning rate; with a leak every unit gets a gradient.",
    "supported",
    _DEFINED,
    "300 scanned digits, 8 hidden layers, 1,000 steps of plain SGD at learning rates fixed beforehand, 0.05 and "
    "0.5, and "
    "with biases started at -1. On all training data: units that get no gradient, and units that are never active. "
    "Prevented is fewer by more than a per cent of the units under both kinds of stress, and never more than one "
    "per cent without a gradient.",
    Measurement(
        small_networks.dying,
        {"activations": ["relu", _LEAKY], "train": 300, "hidden": 8, "count": 1000, "rate": 0.05},
        {"count": 5},
    ),
    (
        *(
            Hypothesis(
                f"fewer units without a gradient than ReLU has, {stress}",
                (f"no gradient, {_LEAKY}, {stress}",),
                (f"no gradient, relu, {stress}",),
                "lower",
                0.01,
                unit=_SHARE,
            )
            for stress in ("10 x learning rate", "bias -1")
        ),
        *(
            Hypothesis(
                f"less than one unit in a hundred without a gradient, {stress}",
                (f"no gradient, {_LEAKY}, {stress}",),
                (),
                "lower",
                0.0,
                reference=0.01,
                unit=_SHARE,
            )
            for stress in ("10 x learning rate", "bias -1")
        ),
    ),
)

RECOVERS = Claim(
    4,
    "never_recovers",
    "A dead ReLU unit never recovers.",
    _ESSAY,
    "True of a first layer under plain SGD: no gradient reaches its weights. Layers below a unit move, and so do "
    "optimisers that remember.",
    "None recover in layer 1 under plain SGD without weight decay; elsewhere some do.",
    "refuted",
    _DEFINED,
    "300 scanned digits, 3 hidden ReLU layers, a third of the units started dead; 600 steps in batches of 32 or "
    "on all "
    "data, by SGD, momentum and Adam, with and without weight decay, at a learning rate fixed beforehand. Every "
    "10 steps "
    "each unit is held against all training data. Never is less than one in a hundred of those that were ever dead.",
    Measurement(
        small_networks.recovering,
        {"train": 300, "count": 600, "every": 10, "rate": 0.1, "decays": [0.0, 0.01]},
        {"count": 10, "every": 5},
    ),
    tuple(
        Hypothesis(f"none in {where}", (f"{where}, batches",), (), "same", 0.01, unit="share of the dead")
        for where in (
            "layer 1, SGD, decay 0",
            "layer 2, SGD, decay 0",
            "layer 3, SGD, decay 0",
            "layer 1, momentum, decay 0",
            "layer 1, Adam, decay 0",
            "layer 1, SGD, decay 0.01",
        )
    ),
)

TOO_SMALL = Claim(
    14,
    "too_small",
    "A slope that is too small leads to dead neurons.",
    _ESSAY,
    "Slow is not dead; the product of slope and gradient may underflow in half precision.",
    "No in float32; in float16 from products below 6e-8 on.",
    "refuted",
    _DEFINED,
    "300 scanned digits, 2 hidden layers, biases at -3, so that most units are never active: the share of "
    "first-layer "
    "units without a gradient, for slopes from 0.1 to 1e-8, in float32 and float16. Dead as ReLU's are is "
    "within 10 % "
    "of the units, at a slope of 1e-6.",
    Measurement(
        small_networks.tiny_slopes,
        {"slopes": [0.0, 1e-8, 1e-6, 1e-4, 1e-2, 1e-1], "train": 300},
        {"train": 40},
    ),
    tuple(
        Hypothesis(
            f"as many without a gradient at slope 1e-6 as with ReLU, {dtype}",
            (f"leaky_relu(negative_slope=1e-06), {dtype}",),
            (f"relu, {dtype}",),
            "same",
            0.1,
            unit=_SHARE,
        )
        for dtype in ("float32", "float16")
    ),
)

ELU_MEAN = Claim(
    24,
    "elu_mean",
    "ELU's negative values bring mean activations closer to zero than Leaky ReLU's.",
    _ESSAY,
    "Clevert et al. 2016.",
    "E f is 0.16 for ELU and 0.39 for slope 0.01, of an rms of 0.80 and 0.71.",
    "supported",
    _DEFINED,
    "Fully connected networks of 256 units at each activation's own gain: the size of a unit's mean over its rms, "
    "averaged over the fourth layer. Closer is by 0.05.",
    Measurement(
        signals.means,
        {"activations": ["relu", _LEAKY, "elu"], "depth": 4, "width": 256, "samples": 512},
        {"width": 16, "samples": 32},
    ),
    (Hypothesis("ELU's mean is smaller", ("elu",), (_LEAKY,), "lower", 0.05, unit="mean over rms"),),
)

KINK = Claim(
    25,
    "kink",
    "Which derivative is taken at 0 is irrelevant.",
    "common belief; frameworks take the slope, 1, or their mean",
    "Bertoin et al. 2021: it matters at 16 bits, and 0 is best for ReLU with plain SGD.",
    "Irrelevant in float32 without exact zeros; relevant where pre-activations are quantised.",
    None,
    _DEFINED,
    "500 scanned digits, 3 hidden ReLU layers, 1,000 steps of SGD with 0, 1/2 or 1 as the derivative at 0, in "
    "float32 and "
    "with pre-activations rounded to multiples of 1/4. The learning rate is chosen for every arm, of 0.03, 0.1 "
    "and 0.3, "
    "on another seed. Irrelevant is an accuracy on the other digits within half a percentage point.",
    Measurement(
        small_networks.kinks,
        {"train": 500, "count": 1000, "rates": [0.03, 0.1, 0.3], "step": 0.25},
        {"count": 5, "rates": [0.1]},
    ),
    tuple(
        Hypothesis(
            f"1 at 0 is as accurate as 0, {kind}",
            (f"accuracy, 1 at 0, {kind}",),
            (f"accuracy, 0 at 0, {kind}",),
            "same",
            0.005,
            unit="accuracy",
        )
        for kind in ("float32", "quantised")
    ),
)

PLASTICITY = Claim(
    30,
    "plasticity",
    "Leaky ReLU avoids the loss of plasticity.",
    "an extension of the claim that it prevents dead neurons",
    "Dohare et al. 2024: a leak delays the loss and does not cure it.",
    "Delayed, not cured.",
    "refuted",
    _DEFINED,
    "40 tasks one after the other, digits with their pixels permuted anew, 100 steps of SGD each on 500 of "
    "them; learning "
    "rate of 0.03, 0.1 and 0.3 chosen for every arm on other permutations. Accuracy on the last ten tasks less "
    "that on "
    "the first ten. Avoided is a loss below half a percentage point.",
    Measurement(
        small_networks.plasticity,
        {
            "activations": ["relu", _LEAKY, "leaky_relu(negative_slope=0.2)"],
            "rates": [0.03, 0.1, 0.3],
            "train": 500,
            "tasks": 40,
            "count": 100,
        },
        {"tasks": 4, "count": 3, "rates": [0.1]},
    ),
    tuple(
        Hypothesis(
            f"no loss with slope {slope}",
            (f"leaky_relu(negative_slope={slope})",),
            (),
            "higher",
            0.0,
            reference=-0.005,
            unit="accuracy",
        )
        for slope in ("0.01", "0.2")
    ),
)

CLAIMS = (PREVENTS, RECOVERS, TOO_SMALL, ELU_MEAN, KINK, PLASTICITY)
