"""Activations on a page: value and derivative with a slider for every parameter, computed in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leaky.catalogue import Spec
from leaky.report.activation.curves import function_panels
from leaky.report.activation.formulas import controls, script
from leaky.report.activation.sheet import sheet
from leaky.report.activation.words import fact_rows, remarks_of, same_rows
from leaky.report.page import render
from leaky.report.palette import styles_of
from leaky.report.shapes import Figure

_CAPTION = (
    "A filled dot marks a kink, and on the derivative the value it takes there; an open dot is the side that is "
    "not taken."
)


def activation_figure(specs: Mapping[str, Spec], low: float, high: float) -> Figure:
    """Value and derivative of element-wise activations side by side, by label."""
    look = styles_of(specs)
    titles = [spec.activation.title for spec in specs.values()]
    caption = [_CAPTION]
    if len(specs) == 1:
        told = sheet(next(iter(specs.values())))
        caption.insert(0, f"f(x) = {told['formula']}; f′(x) = {told['derivative']}.")
    training = [
        f"{label}: {spec.activation.training}." for label, spec in specs.items() if spec.activation.training
    ]
    return Figure(
        "functions",
        titles[0] if len(specs) == 1 else "Functions and derivatives",
        (*caption, *(["Drawn as in evaluation. In training " + " ".join(training)] if training else ())),
        function_panels(specs, look, low, high),
        tuple(look.items()),
    )


def activation_page(specs: Mapping[str, Spec], low: float, high: float, *, whole: bool = False) -> str:
    """The page as text; `whole` adds the facts and the conventions of each."""
    drawn = {label: spec for label, spec in specs.items() if spec.activation.elementwise}
    figures = [activation_figure(drawn, low, high)] if drawn else []
    sheets = [sheet(spec) for spec in specs.values()]
    scripts = (script(drawn, low, high), _EXPLORE.read_text(encoding="utf-8")) if drawn else ()
    return render(
        "activation.html.j2",
        figures,
        {},
        scripts=scripts,
        sheets=[_described(told, whole) for told in sheets],
        controls=controls(drawn),
        title=sheets[0]["title"] if len(sheets) == 1 else ", ".join(told["title"] for told in sheets),
    )


_EXPLORE = Path(__file__).parent.parent / "templates" / "explore.js"


def _described(told: dict[str, Any], whole: bool) -> dict[str, Any]:
    rows = told["conventions"] if whole else []
    facts = fact_rows(told)
    return {
        **told,
        "facts": facts if whole else facts[:3],
        "conventions": same_rows(rows),
        "remarks": remarks_of(rows),
    }
