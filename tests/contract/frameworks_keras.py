"""Run with KERAS_BACKEND set: asks Keras about every row of that backend, prints what disagrees as JSON."""

from __future__ import annotations

import json

import keras
from frameworks import ask_keras, departures, disagreements, misnamed, misprinted

from leaky.catalogue.conventions.keras import KERAS


def _refuses_negative_slopes() -> bool:
    for layer in (keras.layers.LeakyReLU, keras.layers.ReLU):
        try:
            layer(negative_slope=-0.1)
        except ValueError:
            continue
        return False
    return True


def _at_slope_three_halves() -> list[list[float]]:
    """leaky_relu(x; 1.5) of -1 and of 1, by every callable."""
    rows = [row for row in KERAS if row.backend == keras.backend.backend() and row.entry == "leaky_relu"]
    return [[ask_keras(row, row.call, x, {"negative_slope": 1.5})[0] for x in (-1.0, 1.0)] for row in rows]


def main() -> None:
    rows = [row for row in KERAS if row.backend == keras.backend.backend()]
    wrong = [
        line
        for row in rows
        for check in (disagreements, departures, misprinted)
        for line in check(row, ask_keras)
    ]
    wrong += [line for row in rows for line in misnamed(row)]
    found = {"rows": [row.call for row in rows], "wrong": wrong, "refuses": _refuses_negative_slopes()}
    found["above one"] = _at_slope_three_halves()
    print(json.dumps({**found, "version": keras.__version__}))


if __name__ == "__main__":
    main()
