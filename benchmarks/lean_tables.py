"""The tables that bench_lean.py prints."""

from __future__ import annotations

import gpu_bytes
import lean_networks
import measure
from lean_numbers import GRADIENT, OUTPUTS
from measure import Row, against, quoted

AUTOCAST_SLACK = 0.03
STEP, STEP_PLAIN = 1.0, 1.1


def print_part(part: str, rows: list[Row]) -> None:
    """The rows of one part, with the goals beside them."""
    printers = {
        "bytes": _print_bytes,
        "numbers": _print_numbers,
        "step": _print_steps,
        "peak": _print_peaks,
        "gpu_bytes": _print_counted,
    }
    printers[part](rows)


def _print_bytes(rows: list[Row]) -> None:
    lines = []
    for row in rows:
        network = lean_networks.NETWORKS[str(row["model"])]
        goal = network.goal + (AUTOCAST_SLACK if row["precision"] != "float32" else 0)
        lines.append(
            [
                network.title,
                str(row["precision"]),
                _mebibytes(row["eager"]),
                _mebibytes(row["lean"]),
                f"{row['ratio']:.3f}",
                against(float(row["ratio"]), goal),
                _mebibytes(row["checkpointing"]),
            ]
        )
    measure.print_table(
        "Bytes kept for backward",
        lines,
        ("network", "precision", "eager", "lean", "ratio", "at most", "checkpointing"),
    )


def _print_numbers(rows: list[Row]) -> None:
    lines = []
    for row in rows:
        network = lean_networks.NETWORKS[str(row["model"])]
        line = [network.title]
        for what, limit in (("outputs", OUTPUTS), ("gradient", GRADIENT)):
            value, eager, lean = (
                float(str(row[column]))
                for column in (what, f"eager_{what}_to_float64", f"lean_{what}_to_float64")
            )
            good = lean <= 2 * eager if network.ill_conditioned else value <= limit
            line += [f"{value:.1e}", f"{eager:.1e}", f"{lean:.1e}"]
            line.append(
                f"{'2 x eager' if network.ill_conditioned else limit} {'reached' if good else 'missed'}"
            )
        lines.append([*line, f"{row['eager_tensor_to_float64']:.0e}, {row['lean_tensor_to_float64']:.0e}"])
    titles = ("lean-eager", "eager-f64", "lean-f64", "at most")
    measure.print_table(
        "Relative differences in float32: outputs, then the whole gradient; last the worst tensor of a gradient",
        lines,
        ("network", *(f"{what}: {title}" for what in ("y", "g") for title in titles), "tensor: eager, lean"),
    )


def _print_steps(rows: list[Row]) -> None:
    lines = []
    eager: Row = {}
    for row in rows:
        if row["candidate"] == "eager":
            eager = row
            continue
        goal = STEP_PLAIN if row["kernels"] == "plain" else STEP
        lines.append(
            [
                lean_networks.NETWORKS[str(row["model"])].title.rpartition(",")[0],
                str(row["input"]),
                str(row["kernels"]),
                str(row["candidate"]),
                quoted(eager, "ms", "{:.1f}"),
                quoted(row, "ms", "{:.1f}"),
                quoted(row, "ratio"),
                against(float(row["ratio"]), goal if row["candidate"] == "lean" else None),
            ]
        )
    measure.print_table(
        "A training step, allocator as it is: median [20 %, 80 %]",
        lines,
        ("network", "input", "kernels", "candidate", "eager, ms", "its ms", "ratio", "at most"),
    )


def _print_peaks(rows: list[Row]) -> None:
    lines = []
    for row in rows:
        if row["candidate"] == "eager":
            eager = row
        lines.append(
            [
                lean_networks.NETWORKS[str(row["model"])].title.rpartition(",")[0],
                str(row["input"]),
                str(row["candidate"]),
                _mebibytes(row["peak"]),
                f"{float(str(row['peak'])) / float(str(eager['peak'])):.2f}",
            ]
        )
    measure.print_table(
        "Resident memory at the peak of a first step, gradients and momentum in it, beyond the model",
        lines,
        ("network", "input", "candidate", "peak", "of eager's"),
    )


def _print_counted(rows: list[Row]) -> None:
    lines = [
        [
            gpu_bytes.NETWORKS[str(row["model"])].title,
            str(row["input"]),
            _mebibytes(row["eager"]),
            _mebibytes(row["lean"]),
            f"{row['ratio']:.3f}",
        ]
        for row in rows
    ]
    measure.print_table(
        "Bytes kept for backward by the GPU's kernels, counted in Triton's interpreter and not on a device",
        lines,
        ("network", "input", "eager", "lean", "ratio"),
    )


def _mebibytes(count: object) -> str:
    return f"{float(str(count)) / 2**20:.1f} MiB"
