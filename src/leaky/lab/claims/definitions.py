"""The list of definitions: what was to be measured, fixed and committed before anything was."""

from __future__ import annotations

import json
from pathlib import Path

from leaky.errors import ArgumentError, one_line
from leaky.lab.claims import table
from leaky.report.write import check_writable, write_atomically

Definitions = dict[str, dict[str, str]]

FILE = "claims-definitions.json"
"""The list's name, beside the page."""


def definitions() -> Definitions:
    """For every claim that can be tested, by name: the hash of its definition and the day that fixed it.

    Of the budget "small". A result that was measured by another hash was not measured as was said before.
    """
    return {
        claim.name: {"definition": claim.definition(), "defined": claim.defined}
        for claim in table.CLAIMS.values()
        if claim.method is not None
    }


def write_definitions(path: str | Path) -> Path:
    """Write the list as JSON, a line a claim."""
    target = check_writable(path, "definitions")
    lines = [f"{json.dumps(name)}: {json.dumps(told)}" for name, told in definitions().items()]
    write_atomically(target, ("{\n" + ",\n".join(lines) + "\n}\n").encode(), "definitions")
    return target


def read_definitions(path: str | Path) -> Definitions | None:
    """The list that was written there; None where there is none.

    Raises `ArgumentError` where it is not such a list.
    """
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
        return {
            name: {"definition": str(t["definition"]), "defined": str(t["defined"])}
            for name, t in read.items()
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArgumentError(
            f"definitions: cannot read `{path}` ({one_line(error)}); write it anew with `leaky claims --definitions`"
        ) from error
