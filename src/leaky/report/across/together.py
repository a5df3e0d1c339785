"""What all studies say together: performance profiles, normalised scores, the probability of improvement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leaky.records import Across, Interval
from leaky.report.gather import sig, span_of
from leaky.report.shapes import Axis, Band, Estimate, Figure, Line, Note, Panel, Rule, Style
from leaky.report.text import count_text, finite, has_width, short_names

Look = Mapping[str, Style]
Legend = tuple[tuple[str, Style], ...]


def together_figure(across: Across, look: Look) -> Figure | None:
    """Profiles, and beside them one number per activation; None where no activation is in every study."""
    if not across.overall:
        return None
    panels = [_profiles(across, look), _scores(across, look)]
    caption = [
        "Normalised scores: in every study 0 is the worst and 1 the best final run that did not diverge; a diverged "
        "run is 0. Performance profile: the share of runs above each score, mean over studies; a curve above another "
        "everywhere is better for whatever one asks of a run. Score: the interquartile mean over all runs of all "
        "studies. Bands and bars are 95 % intervals of a bootstrap that draws seeds within each study (Agarwal et "
        "al. 2021): they cover seeds, and not the choice of tasks."
    ]
    if any(overall.probability for overall in across.overall):
        panels.append(_probability(across, look))
        base = short_names([across.baseline])[across.baseline]
        caption.append(
            f"Probability of improvement: the chance that a fresh run beats a fresh run of {base}, a tie counting "
            "half, mean over studies. At 50 % it is a coin's."
        )
    legend = tuple((overall.activation, look[overall.activation]) for overall in across.overall)
    told = count_text(len(across.studies), "study").replace("studys", "studies")
    return Figure("together", f"All together: {told}", tuple(caption), tuple(panels), legend)


def _profiles(across: Across, look: Look) -> Panel:
    lines, bands = [], []
    for profile in across.profiles:
        style, x = look[profile.activation], profile.thresholds
        low, high, shares = (
            tuple(sig(100 * y, 4) for y in row) for row in (profile.low, profile.high, profile.shares)
        )
        lines.append(Line(profile.activation, style, x, shares))
        bands.append(
            Band(profile.activation, style, x, low, high, 0.14 if len(across.profiles) <= 5 else 0.08)
        )
    return Panel(
        "Performance profile",
        Axis("normalised score", low=0.0, high=1.0),
        Axis("runs above it (%)", low=0.0, high=103.0),
        bands=tuple(bands),
        lines=tuple(lines),
        height=360,
    )


def _scores(across: Across, look: Look) -> Panel:
    rows = [(overall.activation, overall.score) for overall in across.overall]
    return _estimates("Normalised score", "interquartile mean, higher is better", rows, look, scale=1.0)


def _probability(across: Across, look: Look) -> Panel:
    rows = [(o.activation, o.probability) for o in across.overall if o.activation != across.baseline]
    title = f"Probability of improvement over {short_names([across.baseline])[across.baseline]}"
    panel = _estimates(title, "chance to beat it (%)", rows, look, scale=100.0)
    ends = span_of([0.0, 100.0, 50.0], pad=0.02)
    assert ends is not None
    x = Axis(panel.x.label, low=ends[0], high=ends[1])
    return Panel(panel.title, x, panel.y, rules=(Rule("x", 50.0),), estimates=panel.estimates, notes=panel.notes,
                 height=panel.height)  # fmt: skip


def _estimates(
    title: str, label: str, rows: Sequence[tuple[str, Interval | None]], look: Look, *, scale: float
) -> Panel:
    names = short_names(name for name, _ in rows)
    estimates, notes = [], []
    shown = [value for _, i in rows if i for value in (i.estimate, i.low, i.high)]
    limits = span_of([scale * value for value in shown if finite(value)]) or (0.0, 1.0)
    for row, (name, interval) in enumerate(rows):
        if interval is None:
            notes.append(Note(sum(limits) / 2, row, "not in pairs"))
            continue
        wide = has_width(interval)
        low, high = (sig(scale * interval.low), sig(scale * interval.high)) if wide else (None, None)
        middle = sig(scale * interval.estimate)
        hover = f"{middle:.4g}" + (f", 95 % interval {low:.4g} to {high:.4g}" if wide else "")
        estimates.append(Estimate(name, look[name], middle, row, low, high, hover))
    ticks = tuple((float(row), names[name]) for row, (name, _) in enumerate(rows))
    return Panel(
        title,
        Axis(label, low=limits[0], high=limits[1]),
        Axis("", low=len(rows) - 0.4, high=-0.6, ticks=ticks, grid=False),
        estimates=tuple(estimates),
        notes=tuple(notes),
        height=max(180, 96 + 38 * len(rows)),
    )
