"""Claim 11: whether the factor 1 + slope^2 in the initialisation matters, at small slopes and at large ones."""

from __future__ import annotations

import math

from leaky.lab.claims.claim import Claim, Measurement
from leaky.lab.claims.gradients import HOW, SIZES, SMOKE, gradients
from leaky.lab.claims.words import DEFINED, leaky, says
from leaky.records.ledger import Prediction


def _factor(name: str, words: str, slopes: tuple[str, ...], predicted: str, supported: bool) -> Claim:
    """The claim at these slopes; what was predicted for 0.01 is held against it where it is one of them."""
    return Claim(
        number=11,
        name=name,
        statement=f"The factor 1 + slope^2 in the initialisation matters {words}.",
        made_in="implied by He et al. 2015 and by `torch.nn.init.calculate_gain`",
        literature="He et al. 2015, eq. 14, for PReLU.",
        predicted=predicted,
        expected="supported" if supported else "refuted",
        defined=DEFINED,
        experiment=f"{HOW}. At ReLU's gain sqrt(2) and at sqrt(2 / (1 + slope^2)): it matters where the gradient at "
        "the first of 50 layers differs by more than a factor of 2. A leaky rectifier scales with its input, so this "
        "is arithmetic, (1 + slope^2)^(49/2), that every seed must give; what it does to training is another "
        "question.",
        method=_FACTORS,
        hypotheses=tuple(
            says(
                f"it changes the gradient by more than a factor of 2 over 50 layers at slope {slope}",
                f"{leaky(slope)}, gain sqrt(2), 50 layers",
                "higher",
                math.log10(2),
                than=f"{leaky(slope)}, gain own, 50 layers",
                unit="log10(factor)",
            )
            for slope in slopes
        ),
        predictions=tuple(
            Prediction(
                f"a factor of {factor} at slope {slope}, within {width:.2%} (log10)",
                (f"{leaky(slope)}, gain sqrt(2), 50 layers", f"{leaky(slope)}, gain own, 50 layers"),
                math.log10(factor * (1 - width)),
                math.log10(factor * (1 + width)),
            )
            for slope, factor, width in (("0.01", 1.0025, 0.0001), ("0.2", 2.67, 0.05))
            if slope in slopes
        ),
    )


_FACTORS = Measurement(
    gradients,
    {
        "activations": [leaky(a) for a in ("0.01", "0.1", "0.2", "1/3", "0.7")],
        "gains": ["sqrt(2)", "own"],
        "depths": [50],
        **SIZES,
    },
    SMOKE,
    repeats=16,
)

FACTOR_SMALL = _factor(
    "gain_factor_small",
    "at small slopes such as 0.01",
    ("0.01", "0.1"),
    "No: a factor of 1.0025 over 50 layers at slope 0.01.",
    supported=False,
)
FACTOR_LARGE = _factor(
    "gain_factor_large",
    "from a slope of 0.2 on",
    ("0.2", "1/3", "0.7"),
    "Yes: 2.67 at slope 0.2.",
    supported=True,
)

CLAIMS = (FACTOR_SMALL, FACTOR_LARGE)
