"""The codes of `leaky.check`: one table, of which the help on the shell and the checks of `ignore` are made.

1xx are parameters of activations, 2xx initialisation, 3xx the optimiser, 4xx the order of calls.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from leaky.errors import ArgumentTypeError, UnknownNameError

CODES: Mapping[str, str] = MappingProxyType(
    {
        "LKY101": "a slope of exactly 1: the activation is the identity, no non-linearity is left",
        "LKY102": "a slope above 1, as a number of channels given for it is",
        "LKY103": "a negative slope: the function folds, two inputs share one output",
        "LKY104": "an argument of a kind that was hardly meant: True for a slope, a size for `inplace`",
        "LKY105": "a parameter that is NaN or infinite",
        "LKY106": "a parameter outside the domain of its activation",
        "LKY107": "a PReLU that starts with a slope of 1 or above, or below 0",
        "LKY201": "torch's default initialisation left in place in a deep chain of rectifiers without norms",
        "LKY202": "another initialisation whose gain does not fit the rectifiers of such a chain",
        "LKY301": "weight decay on the learned slope of a PReLU",
        "LKY401": "an in-place activation whose input is read again",
        "LKY402": "an in-place activation that overwrites the input of the model",
        "LKY403": "two activations in a row",
        "LKY404": "an activation that the next norm undoes",
        "LKY405": "a rectifier that ends a head",
    }
)
"""What each code stands for, in one line."""


def known_codes(ignore: Iterable[str]) -> frozenset[str]:
    """The codes to silence; raises for what is none."""
    if isinstance(ignore, str) or not isinstance(ignore, Iterable):
        raise ArgumentTypeError(f'ignore: must be several codes, such as ("LKY101",), got {ignore!r}')
    codes = list(ignore)
    for code in codes:
        if not isinstance(code, str):
            raise ArgumentTypeError(f'ignore: a code is text, such as "LKY101", got {code!r}')
        if code not in CODES:
            near = difflib.get_close_matches(code.strip().upper(), CODES, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(CODES)}"
            raise UnknownNameError(f"ignore: unknown code `{code}`: {hint}")
    return frozenset(codes)
