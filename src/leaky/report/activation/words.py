"""A sheet's facts in words: the rows that the terminal, the page and the documentation all print."""

from __future__ import annotations

from typing import Any

NONE = "-"


def fact_rows(sheet: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each fact; what does not apply is left out."""
    rows = [
        ("Formula", f"f(x) = {sheet['formula']}" if sheet["elementwise"] else sheet["formula"]),
        ("Derivative", f"f'(x) = {sheet['derivative']}" if sheet["elementwise"] else sheet["derivative"]),
        ("At 0", sheet["at_zero"]),
        ("Values", _listed(sheet["points"])),
        ("Example", sheet["example"] or ""),
        *[("Parameter", parameter_text(known)) for known in sheet["parameters"]],
        ("In training", sheet["training"] or "the same as in evaluation"),
        ("Needs", sheet["needs"]),
        ("Kinks", ", ".join(f"{kink:.5g}" for kink in sheet["kinks"])),
        ("Range", _bounds(sheet["bounds"])),
        ("Properties", _properties(sheet)),
        ("Lipschitz constant", figure(sheet["lipschitz"])),
        ("Gain", _gains(sheet)),
        ("Inverse", "yes, the entry's .inverse(y)" if sheet["inverse"] else f"none: {sheet['no_inverse']}"),
        ("Backward needs", sheet["backward"] or ""),
        ("In Python", ", ".join(filter(None, (sheet["function"], sheet["module"])))),
        ("ONNX", _onnx(sheet["onnx"])),
        ("Also called", ", ".join(sheet["acronyms"])),
        *[("Paper", paper) for paper in sheet["papers"]],
    ]
    return [(name, text) for name, text in rows if text]


def figure(value: float | str | None) -> str:
    """A number as a table prints it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.5g}"


def parameter_text(known: dict[str, Any]) -> str:
    """One parameter: value, default, domain, how it is learned and shared, meaning."""
    value, default = _shown(known["value"]), _shown(known["default"])
    told = [f"default {default}"] if value != default else ["the default"]
    told.append(known["domain"])
    if known["learned"]:
        told.append(f"learned, one per {known['sharing']} in the paper")
    return f"{known['name']}={value} ({'; '.join(told)}): {known['meaning']}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"({', '.join(_shown(term) for term in value)})"
    return f"{value:.5g}" if isinstance(value, float) else repr(value)


def _listed(points: dict[str, Any] | None) -> str:
    return ", ".join(f"{at} = {figure(y)}" for at, y in (points or {}).items())


def _bounds(bounds: list[Any] | None) -> str:
    return "" if bounds is None else f"{figure(bounds[0])} to {figure(bounds[1])}"


def _properties(sheet: dict[str, Any]) -> str:
    words = {
        "monotone": ("monotone", "not monotone"),
        "convex": ("convex", "not convex"),
        "homogeneous": ("positively homogeneous", "not homogeneous"),
        "continuous": ("continuous", "not continuous"),
    }
    if sheet["monotone"] is None:
        return "those of what it has learned"
    return ", ".join(yes if sheet[name] else no for name, (yes, no) in words.items())


def _gains(sheet: dict[str, Any]) -> str:
    if sheet["gain"] is None:
        return ""
    return f"forward {figure(sheet['gain'])}, backward {figure(sheet['backward_gain'])} (inputs N(0, 1))"


def _onnx(onnx: dict[str, Any] | None) -> str:
    if onnx is None:
        return ""
    if not onnx["operator"]:
        return str(onnx["composed"])
    attributes = ", ".join(
        f"{name}={value if isinstance(value, str) else f'{value:.5g}'}"
        for name, value in onnx["attributes"].items()
    )
    return f"{onnx['operator']}{f'({attributes})' if attributes else ''}, opset {onnx['since']} and later"


def same_rows(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Rows that differ in the backend alone, as one with all of them: `keras on torch, jax`."""
    told: dict[tuple[str, ...], list[str]] = {}
    kept: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        framework, _, backend = row["framework"].partition(" on ")
        key = (framework, *(row[name] for name in row if name not in ("framework", "remark", "source")))
        told.setdefault(key, []).append(backend)
        kept.setdefault(key, row)
    made = []
    for key, row in kept.items():
        backends = ", ".join(filter(None, dict.fromkeys(told[key])))
        made.append({**row, "framework": f"{key[0]} on {backends}" if backends else key[0]})
    return made


def remarks_of(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Where and what else there is to know, each once."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["remark"]:
            found.setdefault(row["remark"], []).append(f"{row['call']} ({row['framework']})")
    return [(", ".join(dict.fromkeys(where)), words) for words, where in found.items()]
