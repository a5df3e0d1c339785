"""What `lean` found and did: plain records, and the table that shows them."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class LeanSite:
    """One place where a model applies an activation that could keep less.

    `name` is the module's dotted name, for calls of functions that of the module whose forward makes them; `also`
    holds further names of the same module. `became` is None where the site was left as it was; `reason` says why,
    or what was not possible. Bytes are what the site's own operations keep for backward, where that was measured: on
    an example without what layers besides activations keep as well.
    """

    name: str
    was: str
    became: str | None
    reason: str = ""
    also: tuple[str, ...] = ()
    bytes_before: int | None = None
    bytes_after: int | None = None


@dataclass(frozen=True)
class LeanReport:
    """Every site of a model, and what the model keeps for backward before and after.

    `measured_on` is "example" where bytes are those of the whole model on the example (a storage kept by two
    operations counts once, so the sites do not add up to the total), and "synthetic" where they are the sum over
    small made-up inputs of the sites alone, good for their ratio only.
    """

    model: str
    sites: tuple[LeanSite, ...]
    measured_on: Literal["example", "synthetic"]
    bytes_before: int | None
    bytes_after: int | None
    dry_run: bool = False
    note: str = ""

    @property
    def changed(self) -> tuple[LeanSite, ...]:
        """The sites that became something else."""
        return tuple(site for site in self.sites if site.became is not None)

    @property
    def left(self) -> tuple[LeanSite, ...]:
        """The sites that stayed as they were; each has its reason."""
        return tuple(site for site in self.sites if site.became is None)

    @property
    def ratio(self) -> float | None:
        """Bytes after over bytes before."""
        if not self.bytes_before or self.bytes_after is None:
            return None
        return self.bytes_after / self.bytes_before

    @property
    def summary(self) -> str:
        """One sentence."""
        would = "would be made" if self.dry_run else "made"
        text = f"{self.model}: {len(self.changed)} of {len(self.sites)} sites {would} lean"
        if self.ratio is not None:
            assert self.bytes_after is not None
            what = (
                "of the sites on synthetic inputs"
                if self.measured_on == "synthetic"
                else "saved for backward"
            )
            text += f"; {_bytes(self.bytes_before)} -> {_bytes(self.bytes_after)} {what} ({self.ratio:.2f} x)"
        return f"{text}. {self.note}".strip() if self.note else f"{text}."

    def to_json(self) -> dict[str, Any]:
        """The records as plain data."""
        return {**asdict(self), "ratio": self.ratio, "summary": self.summary}

    def __rich__(self) -> Table:
        """The table, for `rich.print(report)`."""
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(self.summary), title_justify="left")
        for heading in ("site", "was", "became, or why not"):
            table.add_column(heading, overflow="fold")
        for heading in ("before", "after"):
            table.add_column(heading, justify="right", no_wrap=True)
        for site in self.sites:
            told = [text for text in (site.became, site.reason) if text]
            name = site.name + (f" (also {', '.join(site.also)})" if site.also else "")
            after = site.bytes_before if site.became is None else site.bytes_after
            cells = (
                name or "(the model)",
                site.was,
                "; ".join(told) if site.became else f"left: {site.reason}",
            )
            table.add_row(*map(Text, cells), _bytes(site.bytes_before), _bytes(after))
        return table

    def __str__(self) -> str:
        from rich.console import Console

        text = io.StringIO()
        Console(file=text, width=140, color_system=None).print(self)
        return text.getvalue().rstrip("\n")


def _bytes(count: int | None) -> str:
    if count is None:
        return "-"
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
