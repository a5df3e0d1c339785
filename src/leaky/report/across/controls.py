"""The A/A control in a picture and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leaky.records import Across, Control
from leaky.report.gather import sig, span_of
from leaky.report.shapes import Axis, Estimate, Figure, Panel, Rule, Span, Style
from leaky.report.text import has_width, plain, short_names


def control_figure(across: Across, look: Mapping[str, Style]) -> Figure | None:
    """Every control with its interval, in margins; None where there is none."""
    if not across.controls:
        return None
    groups = {study: [c for c in across.controls if c.study == study] for study, _ in across.studies}
    panels = tuple(_panel(study, found, look) for study, found in groups.items() if found)
    caption = (
        "An activation held against itself, where there is nothing to find: the first half of its final seeds and "
        "the second; one function under two names; or the same study on other seeds. The bar is the 95 % interval of "
        "the difference in units of the margin: as it must be for two things that are the same, it should reach "
        "into the shaded band, and 19 of 20 should hold the line at 0. Halves share no seeds, so their intervals "
        "are wider than those between activations.",
    )
    return Figure("control", "A/A control: an activation against itself", caption, panels)


def control_sentence(controls: Sequence[Control]) -> str:
    """How many verdicts on nothing were given, and how many of them were false."""
    if not controls:
        return (
            "No A/A control: it takes six final seeds of an activation, two names of one function, or the same study "
            "with another --seed."
        )
    wrong = [control for control in controls if control.verdict in ("better", "worse")]
    many = "1 comparison" if len(controls) == 1 else f"{len(controls)} comparisons"
    told = f"A/A control: in {many} of an activation with itself, "
    if not wrong:
        told += "none came out as different."
    else:
        which = "; ".join(f"{plain(c.activation)} in {plain(c.study)} ({c.kind})" for c in wrong)
        told += f"{len(wrong)} came out as different, where 1 in 20 may: {which}."
    splits, alarms = sum(c.splits for c in controls), sum(c.alarms for c in controls)
    if splits:
        told += f" Over all {splits:,} ways of halving the seeds, {100 * alarms / splits:.1f} % did."
    return told


def _panel(study: str, found: Sequence[Control], look: Mapping[str, Style]) -> Panel:
    ends = [end for control in found for end in (control.change.low, control.change.high)]
    limits = span_of([-1.6, 1.6, *ends], pad=0.04) or (-1.6, 1.6)
    names = short_names(dict.fromkeys(name for c in found for name in (c.activation, c.against)))
    ticks, estimates = [], []
    for row, control in enumerate(found):
        change, wide = control.change, has_width(control.change)
        low, high = (sig(change.low), sig(change.high)) if wide else (None, None)
        words = (
            f"{label(control)}: {change.estimate:+.3g} margins over {control.pairs} pairs, {control.verdict}"
        )
        ticks.append((float(row), _tick(control, names)))
        style = look[control.activation]
        estimates.append(Estimate(control.activation, style, sig(change.estimate), row, low, high, words))
    return Panel(
        plain(study),
        Axis("difference, in margins", low=limits[0], high=limits[1]),
        Axis("", low=len(found) - 0.4, high=-0.6, ticks=tuple(ticks), grid=False),
        spans=(Span("x", -1.0, 1.0),),
        rules=(Rule("x", 0.0),),
        estimates=tuple(estimates),
        height=max(170, 96 + 34 * len(found)),
    )


def _tick(control: Control, names: Mapping[str, str]) -> str:
    name = names[control.activation]
    if control.kind == "halves":
        return name
    return f"{name} = {names[control.against]}" if control.kind == "another name" else f"{name}, other seeds"


def label(control: Control) -> str:
    """What was held against what."""
    if control.kind == "halves":
        return f"{plain(control.activation)}, one half of its seeds against the other"
    if control.kind == "another name":
        return f"{plain(control.activation)} against {plain(control.against)}"
    return f"{plain(control.activation)}, against {plain(control.against)}"
