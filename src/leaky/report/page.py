"""What every page of leaky has: the templates, one copy of Plotly, a policy that lets nothing in, panels as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaky.extras import require
from leaky.report import palette
from leaky.report.interactive import plotly_figures
from leaky.report.shapes import Figure

_SYMBOLS = {
    "circle": "M9 7a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "square": "M9.4 3.4h7.2v7.2h-7.2z",
    "diamond": "M13 2l5 5l-5 5l-5-5z",
    "triangle-up": "M13 2l5 9h-10z",
    "triangle-down": "M13 12l5-9h-10z",
    "pentagon": "M13 2l5 3.8l-1.9 5.7h-6.2l-1.9-5.7z",
    "star": "M13 1l1.6 4.1l4.4.2l-3.4 2.8l1.1 4.3l-3.7-2.4l-3.7 2.4l1.1-4.3l-3.4-2.8l4.4-.2z",
    "hexagon": "M13 2l4.4 2.5v5l-4.4 2.5l-4.4-2.5v-5z",
}
"""The marker symbols as paths around (13, 7), for the legend."""

_TEMPLATES = Path(__file__).parent / "templates"


def render(
    template: str,
    figures: Sequence[Figure],
    filters: dict[str, Any],
    *,
    scripts: Sequence[str] = (),
    **context: Any,
) -> str:
    """A page as text: a template that extends `page.html.j2`, with its figures and scripts of its own."""
    require("plotly", "lab", "the report")
    require("jinja2", "lab", "the report")
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,  # whatever the file is called
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"type": typeset, "breakable": breakable, **filters}
    report = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    written = [_script(text) for text in (get_plotlyjs(), report, *scripts)]
    return environment.get_template(template).render(
        figures=figures,
        heat=palette.HEAT,
        symbols=_SYMBOLS,
        dark=palette.DARK,
        scripts=[Markup(script) for script in written],
        hashes=[_hash(script) for script in written],
        data=Markup(_json(figures)),
        **context,
    )


def typeset(text: str) -> str:
    """The typographic minus before a number that stands alone, and units that stay with their numbers."""
    text = re.sub(r"(?:(?<=\s)|^)-(?=\d)", "−", text)
    return re.sub(r"(?<=\d) (?=(?:%|pp)(?!\w))", "\u00a0", text)


def breakable(activation: str) -> Any:
    """A place to break a long spec: after its bracket and its commas."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"(\(|, )", r"\1<wbr>", str(escape(activation))))


def _script(text: str) -> str:
    """JavaScript that no HTML parser ends early; browsers hash it with plain line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", text, flags=re.IGNORECASE)


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json(figures: Sequence[Figure]) -> str:
    """All panels as JSON for a script element; what could end the element is written as escapes."""
    import plotly.io

    panels = {
        f"{figure.key}-{place}": json.loads(plotly.io.to_json(drawing, engine="json"))
        for figure in figures
        for place, drawing in enumerate(plotly_figures(figure))
        if not figure.panels[place].empty
    }
    text = json.dumps({"dark": palette.DARK, "panels": panels}, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
