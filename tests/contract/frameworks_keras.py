"""Run with KERAS_BACKEND set: asks Keras about every row of that backend, prints what disagrees as JSON."""

from __future__ import annotations

import json

import keras
from frameworks import ask_keras, departures, disagreements, misnamed

from leaky.catalogue.conventions.keras import KERAS


def _refuses_negative_slopes() -> bool:
    for layer in (keras.layers.LeakyReLU, keras.layers.ReLU):
        try:
            layer(negative_slope=-0.1)
        except ValueError:
            continue
        return False
    return True


def main() -> None:
    rows = [row for row in KERAS if row.backend == keras.backend.backend()]
    wrong = [line for row in rows for check in (disagreements, departures) for line in check(row, ask_keras)]
    wrong += [line for row in rows for line in misnamed(row)]
    found = {"rows": [row.call for row in rows], "wrong": wrong, "refuses": _refuses_negative_slopes()}
    print(json.dumps({**found, "version": keras.__version__}))


if __name__ == "__main__":
    main()
