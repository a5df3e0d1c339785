"""Figure 2: the learning curves of the final trials."""

from __future__ import annotations

from collections.abc import Callable

from leaky.records import Epoch, Study
from leaky.report.gather import by_epoch, epoch_axis, log_ticks, quantile, sig, span_of, trials_of
from leaky.report.palette import legend, styles
from leaky.report.shapes import Axis, Band, Figure, Line, Panel
from leaky.report.text import count_text, metric_label


def curves_figure(study: Study) -> Figure | None:
    """Validation score and training loss by epoch; None where no final trial has an epoch."""
    if not any(trial.epochs for trial in study.trials if trial.plan.phase == "final"):
        return None
    scale = 100 if study.metric.percent else 1
    panels = (
        _panel(
            study,
            "Validation score",
            metric_label(study.metric),
            lambda epoch: epoch.validation_score,
            scale,
        ),
        _panel(study, "Training loss", "loss", lambda epoch: epoch.train_loss, 1),
    )
    seeds, last = (
        len(study.final_seeds),
        max(trial.epochs[-1].epoch for trial in study.trials if trial.epochs),
    )
    caption = [
        f"The line is the median over the final trials ({count_text(seeds, 'seed')} per activation, each activation "
        "at its own tuned learning rate)"
        + (", the band reaches from the first to the third quartile" if seeds > 1 else "")
        + ". Validation score: on the validation split, after each epoch"
        + ("; where the first epochs lie far off, they are outside the panel" if last > 8 else "")
        + ". Training loss: the mean over the epoch, on the training data."
    ]
    if any(trial.status == "diverged" for trial in study.trials if trial.plan.phase == "final"):
        caption.append("A trial that diverged counts up to the epoch where it did.")
    return Figure("curves", "Learning curves", tuple(caption), panels, legend(study))


def _panel(
    study: Study, title: str, label: str, pick: Callable[[Epoch], float | None], scale: float
) -> Panel:
    look, lines, bands = styles(study), [], []
    shown: list[float] = []
    settled: list[float] = []
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
        shown += [*first, *third]
        late = x[-1] / 6 if x[-1] > 8 else 0
        settled += [value for at, *pair in zip(x, first, third, strict=True) if at > late for value in pair]
        lines.append(Line(arm.activation, style, x, median, markers=len(x) < 3))
        if len(x) > 1 and any(low < high for low, high in zip(first, third, strict=True)):
            bands.append(Band(arm.activation, style, x, first, third, opacity))
    last = max((line.x[-1] for line in lines), default=1.0)
    return Panel(
        title,
        epoch_axis(1.0, last),
        _loss_axis(label, shown) if title == "Training loss" else _score_axis(study, label, shown, settled),
        bands=tuple(bands),
        lines=tuple(lines),
        empty="" if lines else "nothing was measured",
    )


def _loss_axis(label: str, shown: list[float]) -> Axis:
    """Logarithmic where the loss falls by more than a factor of ten."""
    if not shown or not 0 < 10 * min(shown) < max(shown):
        return Axis(label)
    low, high = 0.85 * min(shown), 1.15 * max(shown)
    return Axis(f"{label}, logarithmic", True, low, high, log_ticks(low, high))


def _score_axis(study: Study, label: str, shown: list[float], settled: list[float]) -> Axis:
    """The range of the later epochs on the bad side: the first ones would squeeze all differences together."""
    late = span_of(settled)
    if late is None:
        return Axis(label)
    if study.metric.higher_is_better:
        return Axis(label, low=late[0], high=max(late[1], *shown))
    return Axis(label, low=min(late[0], *shown), high=late[1])
