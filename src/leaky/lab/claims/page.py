"""Writing the ledger: the page, a picture per finding, and the numbers beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from leaky.lab.claims import table
from leaky.lab.claims.comparison import Comparison
from leaky.lab.claims.definitions import FILE, read_definitions
from leaky.lab.claims.remarks import short
from leaky.lab.claims.settings import HOW
from leaky.records.ledger import Entry
from leaky.report.claims.figure import claim_figure
from leaky.report.claims.page import markdown
from leaky.report.static import drawn
from leaky.report.write import check_writable, write_atomically

_COLOURS = 255
"""Enough for a picture of three colours and what they blend to; the file is a third as long as with all of them."""


def write_page(entries: Sequence[Entry], path: str | Path, *, family: int) -> list[Path]:
    """Write the page, `.json` beside it, and the pictures into `images/claims` beside it; returns the paths.

    Results of definitions that are not in `claims-definitions.json` beside it, where there is one, are marked. Raises
    `ArgumentError` where a file cannot be written, or that list not read.
    """
    target = check_writable(path, "page")
    entries = [_told(entry) for entry in entries]
    numbers = target.with_suffix(".json")
    folder = target.parent / "images" / target.stem
    committed = read_definitions(target.parent / FILE)
    written = [target, numbers]
    for entry in entries:
        figure = claim_figure(entry)
        if figure is not None:
            folder.mkdir(parents=True, exist_ok=True)
            ((_, content),) = drawn([figure])
            written.append(folder / f"{entry.name}.png")
            write_atomically(written[-1], _smaller(content), "page")
    rows = [entry.outcome.to_json() for entry in entries if entry.outcome is not None]
    lines = ",\n".join(json.dumps(row) for row in rows)
    write_atomically(numbers, f"[\n{lines}\n]\n".encode(), "page")
    text = markdown(
        entries,
        family=family,
        trained=HOW,
        short=short({entry.name: entry.ruling for entry in entries}),
        committed=committed,
        json_name=numbers.name,
        list_name=FILE,
        folder=f"images/{target.stem}",
    )
    write_atomically(target, text.encode(), "page")
    return written


def _told(entry: Entry) -> Entry:
    """The entry with the values that are told of on the page, and not everything else read off the same trials."""
    words = entry.experiment.replace(HOW, "[Trained and tuned as all are](#trained).")
    outcome = entry.outcome
    if outcome is None:
        return replace(entry, experiment=words)
    names = {name for effect in entry.effects for name in effect.hypothesis.names}
    names |= {name for forecast in entry.forecasts for name in forecast.prediction.names}
    method = table.CLAIMS[entry.name].method if entry.name in table.CLAIMS else None
    if isinstance(method, Comparison):
        names |= {f"{o.measure}, {arm}, {o.setting}" for o in method.orders for arm in o.arms}
    kept = {name: values for name, values in outcome.values.items() if name in names}
    return replace(entry, experiment=words, outcome=replace(outcome, values=kept))


def _smaller(content: bytes) -> bytes:
    from PIL import Image

    small = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").quantize(_COLOURS).save(small, "PNG", optimize=True)
    return small.getvalue()
