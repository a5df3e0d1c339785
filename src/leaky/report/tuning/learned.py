"""Figure 2: the slopes that PReLU learned, layer by layer, beside those that were chosen."""

from __future__ import annotations

from leaky.records import Tuning
from leaky.report.gather import mean, sig, span_of
from leaky.report.palette import styles_of
from leaky.report.shapes import Axis, Figure, Line, Panel, Points, Rule, Style
from leaky.report.text import count_text, plain
from leaky.report.tuning.words import noun

_MOST_TICKS = 12


def learned_figure(tuning: Tuning) -> Figure | None:
    """A panel of the parameter against the layer; None where nothing was learned and no layer has its own."""
    learned, layered = tuning.learned, tuning.layered
    has = learned is not None and bool(learned.values)
    own = layered is not None and len(set(layered.values)) > 1
    if not has and not own:
        return None
    lines: list[Line] = []
    points: list[Points] = []
    caption: list[str] = []
    legend: list[tuple[str, Style]] = []
    shown: list[float] = [tuning.recommended]
    layers: tuple[str, ...] = ()
    names = [tuning.activation]
    names += [learned.arm.activation] if learned is not None else []
    look = styles_of([*names, "by layer"])
    if learned is not None and has:
        name, style = learned.arm.activation, look[learned.arm.activation]
        layers = learned.layers
        x = tuple(float(place) for place in range(1, len(layers) + 1))
        for seed, row in zip(learned.seeds, learned.values, strict=True):
            hover = tuple(
                f"{plain(layer)}, seed {seed}: {v:.3g}" for layer, v in zip(layers, row, strict=True)
            )
            points.append(Points(name, style, x, tuple(map(sig, row)), hover, "circle", 5, 0.4))
        means = tuple(mean(column) for column in zip(*learned.values, strict=True))
        lines.append(Line(name, style, x, tuple(None if m is None else sig(m) for m in means), markers=True))
        shown += [value for row in learned.values for value in row] + [learned.start]
        legend.append((name, style))
        caption.append(
            f"What {plain(name).partition('(')[0]} learned in its final runs "
            f"({count_text(len(learned.seeds), 'seed')}, faint) and their mean, by layer from input to "
            f"output; it starts at {learned.start:g} (dashed)."
        )
    if layered is not None and own:
        layers = layered.layers if len(layered.layers) >= len(layers) else layers
        x = tuple(float(place) for place in range(1, len(layered.values) + 1))
        lines.append(Line("by layer", look["by layer"], x, tuple(map(sig, layered.values)), markers=True))
        shown += list(layered.values)
        legend.append(("by layer", look["by layer"]))
        caption.append(
            f"By layer: the best on validation of the settings with a {noun(tuning)} for every layer. Single ones of "
            "its values are loosely determined: others may score the same."
        )
    caption.append(
        f"The solid rule is the recommended {noun(tuning)} for all layers, {tuning.recommended:g}."
    )
    low, high = span_of([*shown, 0.0]) or (0.0, 1.0)
    step = max(1, -(-len(layers) // _MOST_TICKS))
    ticks = tuple((float(place), str(place)) for place in range(1, len(layers) + 1, step))
    rules = [Rule("y", tuning.recommended)]
    rules += [Rule("y", learned.start, dashed=True)] if learned is not None and has else []
    panel = Panel(
        f"{noun(tuning).capitalize()} by layer",
        Axis("layer, from input to output", low=0.5, high=len(layers) + 0.5, ticks=ticks),
        Axis(tuning.parameter, low=low, high=high),
        rules=tuple(rules),
        lines=tuple(lines),
        points=tuple(points),
    )
    return Figure(
        "learned", f"{noun(tuning).capitalize()}s by layer", tuple(caption), (panel,), tuple(legend)
    )
