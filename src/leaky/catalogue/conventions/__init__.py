"""How other frameworks call the entries of the catalogue, with which defaults, and where their answers differ.

`entry.conventions` are the rows of one entry, `leaky.translate` turns one framework's call into another's. The rows
are plain data in one file per framework (`torch`, `jax`, `keras`, `onnx`, `tensorflow`), in `measured` for what was
run once and in `read` for what nobody ran; `questions` is what was asked of all of them.
"""

from __future__ import annotations

from leaky.catalogue.conventions.record import Argument, Convention
from leaky.catalogue.conventions.table import CONVENTIONS, FRAMEWORKS, conventions_of
from leaky.catalogue.conventions.translate import Translation, translate

__all__ = [
    "CONVENTIONS",
    "FRAMEWORKS",
    "Argument",
    "Convention",
    "Translation",
    "conventions_of",
    "translate",
]
