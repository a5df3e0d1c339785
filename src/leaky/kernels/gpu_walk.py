"""How kernels in Triton that add up channels go over (n, c, s) or (n, s, c): the numbers of `triton/walk.py`."""

from __future__ import annotations

from typing import Any, NamedTuple

TILE = 2048
"""Elements of a tile, of 4 warps: 4 vectors of 16 bytes a thread in flight."""
LANES = 128
"""Channels next to each other that a program takes at most."""
SHARE = 16
"""Tiles that a program adds up at most before it leaves a number."""
PROGRAMS = 2048
"""Below so many a program takes fewer tiles: an H100 holds about as many of 4 warps at once."""
RUNS, UNITS, COLUMNS = range(3)


class Walk(NamedTuple):
    """A way over a tensor; the first eight are what kernels are called with."""

    outer: int
    units: int
    inner: int
    channels: int
    groups: int
    """Of a sample; or of the batch, where statistics are the batch's."""
    share: int
    """Channels of a group."""
    per: int
    splits: int
    programs: int
    all_groups: int
    """Of all samples."""
    sizes: dict[str, Any]

    @property
    def runs(self) -> tuple[int, int, int, int, int]:
        """What kernels need that know no groups."""
        return self.outer, self.units, self.inner, self.per, self.splits

    @property
    def parts(self) -> tuple[int, int]:
        """The shape of what programs leave: a number of each for every unit."""
        return self.all_groups * self.share, self.splits


def walk_of(n: int, c: int, s: int, channels_last: bool, groups: int = 0) -> Walk:
    """The way for sums over a batch's channels, or with `groups` over the channels of a sample, so many groups."""
    walk = COLUMNS if channels_last else UNITS if groups else RUNS
    if walk == COLUMNS:
        outer, units, inner = (n, c, s) if groups else (1, c, n * s)
    else:
        outer, units, inner = (1, n * c, s) if groups else (n, c, s)
    width = min(power(units), LANES) if walk == COLUMNS else min(power(inner), TILE)
    height = {COLUMNS: inner, UNITS: units, RUNS: outer}[walk]
    rows = min(power(height), TILE // width)
    if walk == COLUMNS:
        lanes, tiles = outer * -(-units // width), -(-height // rows)
    elif walk == UNITS:
        lanes, tiles = -(-units // rows), -(-inner // width)
    else:
        lanes, tiles = units, -(-height // rows) * -(-inner // width)
    per = max(1, min(SHARE, lanes * tiles // PROGRAMS, tiles))
    splits = -(-tiles // per)
    own = groups or c
    sizes = {"N": rows, "W": width, "WALK": walk, "num_warps": max(1, min(4, rows * width // 512))}
    all_groups = own * (n if groups else 1)
    return Walk(outer, units, inner, c, own, c // own, per, splits, lanes * splits, all_groups, sizes)


def power(number: int) -> int:
    """The power of two from `number` on."""
    return 1 << (number - 1).bit_length()
