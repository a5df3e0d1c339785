"""Philox4x32-10 in plain integers, slowly: the truth of the draws."""

from __future__ import annotations

WORD = 0xFFFFFFFF


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """One block of four words (Salmon et al. 2011)."""
    a, b, c, d = counter
    first, second = key
    for _ in range(10):
        one, other = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (other >> 32) ^ b ^ first, other & WORD, (one >> 32) ^ d ^ second, one & WORD
        first, second = (first + 0x9E3779B9) & WORD, (second + 0xBB67AE85) & WORD
    return a, b, c, d


def numbers(seed: int, count: int, first: int = 0) -> list[int]:
    """Numbers first, first + 1, ... of the sequence that a seed starts, in the order of the kernels."""
    key = seed & WORD, seed >> 32
    found = []
    for place in range(first, first + count):
        pack, word, lane = place // 32, place % 32 // 8, place % 8
        block = pack * 8 + lane
        found.append(philox((block & WORD, block >> 32, 0, 0), key)[word])
    return found
