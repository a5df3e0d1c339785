"""Figure 2: the learning curves of the final trials."""

from __future__ import annotations

from collections.abc import Callable

from leaky.records import Epoch, Study
from leaky.report.gather import by_epoch, quantile, sig, trials_of
from leaky.report.palette import legend, styles
from leaky.report.shapes import Axis, Band, Figure, Line, Panel
from leaky.report.text import count_text


def curves_figure(study: Study) -> Figure | None:
    """Validation score and training loss by epoch; None where no final trial has an epoch."""
    if not any(trial.epochs for trial in study.trials if trial.plan.phase == "final"):
        return None
    scale = 100 if study.metric.percent else 1
    unit = " (%)" if study.metric.percent else ""
    panels = (
        _panel(
            study,
            "Validation score",
            f"{study.metric.name}{unit}",
            lambda epoch: epoch.validation_score,
            scale,
        ),
        _panel(study, "Training loss", "loss", lambda epoch: epoch.train_loss, 1),
    )
    caption = [
        f"The line is the median over the final trials ({count_text(len(study.final_seeds), 'seed')} per "
        "activation, each activation at its own tuned learning rate), the band reaches from the first to the third "
        "quartile. Left: on the validation split, after each epoch. Right: the mean loss over the epoch, on the "
        "training data."
    ]
    if any(trial.status == "diverged" for trial in study.trials if trial.plan.phase == "final"):
        caption.append("A trial that diverged counts up to the epoch where it did.")
    return Figure("curves", "Learning curves", tuple(caption), panels, legend(study))


def _panel(
    study: Study, title: str, label: str, pick: Callable[[Epoch], float | None], scale: float
) -> Panel:
    look, lines, bands = styles(study), [], []
    lowest, highest = float("inf"), 0.0
    opacity = 0.16 if len(study.arms) <= 5 else 0.09
    for arm in study.arms:
        style = look[arm.activation]
        epochs, values = by_epoch(trials_of(study, arm.activation, "final"), pick)
        if not epochs:
            continue
        x = tuple(float(epoch) for epoch in epochs)
        median, first, third = (
            tuple(sig(scale * quantile(at, share)) for at in values) for share in (0.5, 0.25, 0.75)
        )
        lowest, highest = min(lowest, *first), max(highest, *third)
        lines.append(Line(arm.activation, style, x, median, markers=len(x) < 3))
        if len(x) > 1 and any(low < high for low, high in zip(first, third, strict=True)):
            bands.append(Band(arm.activation, style, x, first, third, opacity))
    last = max((line.x[-1] for line in lines), default=1.0)
    log = title == "Training loss" and 0 < 10 * lowest < highest
    return Panel(
        title,
        _epochs(last),
        Axis(f"{label}, logarithmic" if log else label, log=log),
        bands=tuple(bands),
        lines=tuple(lines),
        empty="" if lines else "nothing was measured",
    )


def _epochs(last: float) -> Axis:
    if last > 3:
        return Axis("epoch")
    return Axis("epoch", low=0.5, high=last + 0.5, ticks=tuple((float(e), str(e)) for e in range(1, int(last) + 1)))
