"""Figure 4: where and when units fall silent: layers by epochs, one heat map per activation."""

from __future__ import annotations

from leaky.records import Study, Trial
from leaky.report.gather import epoch_axis, mean, silent_shares, trials_of
from leaky.report.palette import styles
from leaky.report.shapes import Axis, Figure, HeatMap, Note, Panel, Value
from leaky.report.text import count_text, finite, rate_text, short_names


def units_figure(study: Study) -> Figure | None:
    """Per activation, one map at the tuned learning rate and one at the highest of the grid.

    None where no trial measured a layer.
    """
    names = short_names(styles(study))
    last = max((t.epochs[-1].epoch for t in _measured(list(study.trials))), default=1)
    panels: list[Panel] = []
    for arm in study.arms:
        final = _measured(trials_of(study, arm.activation, "final"))
        tuning = _measured(trials_of(study, arm.activation, "tuning"))
        top = max((trial.plan.learning_rate for trial in tuning), default=None)
        hot = [trial for trial in tuning if trial.plan.learning_rate == top]
        if final or hot:
            name = names[arm.activation]
            tuned = f" ({rate_text(arm.learning_rate)})" if finite(arm.learning_rate) else ""
            panels.append(_panel(f"{name} at its tuned rate{tuned}", final, last))
            highest = f" ({rate_text(top)})" if top else ""
            panels.append(_panel(f"{name} at the highest rate measured{highest}", hot, last))
    if all(panel.heat is None for panel in panels):
        return None
    caption = (
        "Each cell is the share of a layer's units that were never active after that epoch: their input, the "
        "pre-activation, was at or below 0 on every sample of the validation split. At the tuned learning "
        f"rate: the mean over the final trials ({count_text(len(study.final_seeds), 'seed')}). At the highest "
        "learning rate that gave measurements: the mean over the tuning trials "
        f"({count_text(len(study.tuning_seeds), 'seed')}); that is where units die. Layer 1 is next to the input; a "
        "blank cell means that no trial got so far with finite numbers.",
        "What it means depends on the function. For ReLU such a unit gets no gradient: it is dead, and stays so "
        "unless the layers before it move. A leaky unit in this state is merely linear and still learns. For smooth "
        "and sigmoidal functions it only says that the unit works on one side.",
    )
    return Figure(
        "units",
        "Never active units, by layer and epoch",
        caption,
        tuple(panels),
        scale="of a layer's units never active",
    )


def _measured(trials: list[Trial]) -> list[Trial]:
    return [t for t in trials if any(finite(share) for epoch in t.epochs for share in silent_shares(epoch))]


def _panel(title: str, trials: list[Trial], last: int) -> Panel:
    if not trials:
        return Panel(title, Axis("epoch"), Axis("layer"), empty="nothing was measured", height=150)
    cells: dict[tuple[int, int], list[float]] = {}
    for trial in trials:
        for epoch in trial.epochs:
            for layer, share in enumerate(silent_shares(epoch)):
                if finite(share):
                    cells.setdefault((layer, epoch.epoch), []).append(share)
    layers = 1 + max((layer for layer, _ in cells), default=0)
    reached = max((epoch for _, epoch in cells), default=1)
    end = Note((reached + last + 1) / 2, (layers + 1) / 2, "no trial got this far")
    longest = max((trial.layers for trial in trials), key=len)
    rows = tuple(f"{i + 1}  {longest[i]}" if i < len(longest) else f"{i + 1}" for i in range(layers))
    values: list[tuple[Value, ...]] = []
    for layer in range(layers):
        means = [mean(cells.get((layer, epoch), ())) for epoch in range(1, last + 1)]
        values.append(tuple(None if m is None else round(m, 3) for m in means))
    return Panel(
        title,
        epoch_axis(0.5, last + 0.5, grid=False),
        Axis("layer", grid=False),
        heat=HeatMap(tuple(float(epoch) for epoch in range(1, last + 1)), rows, tuple(values)),
        notes=(end,) if reached < 0.6 * last else (),
        height=min(max(70 + 9 * layers, 140), 300),
    )
