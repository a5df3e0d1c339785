"""Showing that a long study moves: a live line on a terminal, plain lines elsewhere, nothing when asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_PLAIN_EVERY_SECONDS = 10.0


class StudyProgress:
    """Trials done, time left, best so far; written to stderr, so that stdout stays for results."""

    def __init__(
        self, total: int, *, shown: bool, better: Callable[[float, float], bool], text: Callable[[float], str]
    ) -> None:
        self._total = total
        self._done = self._computed = 0
        self._shown = shown
        self._better = better
        self._text = text
        self._best: tuple[float, str] | None = None
        self._phase = ""
        self._started = self._said = time.monotonic()
        self._console = Console(stderr=True)
        self._live: Progress | None = None
        if shown and self._console.is_terminal:
            self._live = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[told]}"),
                console=self._console,
                transient=True,
                expand=True,
            )
            self._bar = self._live.add_task("", total=total, told="")

    def __enter__(self) -> StudyProgress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, line: str) -> None:
        """A line that stays, where there is something to say."""
        if line:
            self._show(line)

    def begin(self, phase: str, reused: int) -> None:
        """A phase starts; `reused` of its trials were in the store already."""
        self._phase = phase
        self._done += reused
        self._show(f"{phase}: {reused} trials found in the store" if reused else None)

    def trial(self, label: str, score: float | None, *, counts: bool) -> None:
        """A trial finished. Only those that count (tuning and final scores do not compare) can be the best."""
        self._done += 1
        self._computed += 1
        if score is not None and counts and (self._best is None or self._better(score, self._best[0])):
            self._best = (score, label)
        self._show()

    def forget_best(self) -> None:
        """Scores from here on are of another kind."""
        self._best = None

    def _told(self) -> str:
        parts = []
        if self._computed and self._done < self._total:
            each = (time.monotonic() - self._started) / self._computed
            parts.append(f"about {_duration(each * (self._total - self._done))} left")
        if self._best:
            parts.append(f"best so far {self._text(self._best[0])} {self._best[1]}")
        return ", ".join(parts)

    def _show(self, line: str | None = None) -> None:
        if not self._shown:
            return
        if self._live:
            if line:
                self._console.print(line)
            self._live.update(self._bar, completed=self._done, description=self._phase, told=self._told())
            return
        now = time.monotonic()
        if line or now - self._said >= _PLAIN_EVERY_SECONDS or self._done == self._total:
            self._said = now
            told = f", {self._told()}" if self._told() else ""
            text = line or f"{self._phase}: {self._done}/{self._total} trials{told}"
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
