"""What `check` found: a list of findings that can be printed, and read by programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from leaky.records import Finding

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class CheckReport(Sequence[Finding]):
    """The findings, in the order of their codes; `len`, indexing and iteration are those of a list of them.

    `sites` counts the activations that were looked at: modules, and functions once per module whose forward calls
    them. `unread` says which modules torch.fx could not follow, and why: of the order of calls in them nothing is
    claimed. `ignored` counts what was silenced, by code.
    """

    model: str
    findings: tuple[Finding, ...]
    sites: int
    unread: Mapping[str, str] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.findings)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self.findings[index]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def codes(self) -> tuple[str, ...]:
        """The code of each finding."""
        return tuple(finding.code for finding in self.findings)

    @property
    def summary(self) -> str:
        """One sentence."""
        if not self.sites:
            text = f"{self.model}: no activation found{' in what could be read' if self.unread else ''}"
        else:
            text = f"{self.model}: {_count(len(self), 'finding')} at {_count(self.sites, 'activation')}"
        silenced = sum(self.ignored.values())
        return f"{text}, {silenced} ignored" if silenced else text

    @property
    def notes(self) -> tuple[str, ...]:
        """One line per module that could not be read."""
        return tuple(
            f"{f'`{name}`' if name else 'the model'} was not read, nothing is claimed of the order of its calls: "
            f"{reason}"
            for name, reason in self.unread.items()
        )

    def to_json(self) -> dict[str, Any]:
        """The records as plain data."""
        return {
            "model": self.model,
            "sites": self.sites,
            "findings": [finding.to_json() for finding in self.findings],
            "unread": dict(self.unread),
            "ignored": dict(self.ignored),
            "summary": self.summary,
        }

    def __str__(self) -> str:
        """One line per finding, as linters print them."""
        return "\n".join([*map(str, self.findings), *(f"note: {note}" for note in self.notes), self.summary])

    def __rich__(self) -> Table:
        """The table, for `rich.print(report)`."""
        from rich.table import Table
        from rich.text import Text

        caption = Text("\n".join(self.notes)) if self.unread else None
        table = Table(title=Text(self.summary), title_justify="left", caption=caption, caption_justify="left")
        table.add_column("code", no_wrap=True)
        for heading in ("site", "what is wrong", "what to do"):
            table.add_column(heading, overflow="fold")
        for finding in self.findings:
            cells = (finding.code, finding.site or "(the model)", finding.message, finding.remedy)
            table.add_row(*map(Text, cells))
        return table


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
