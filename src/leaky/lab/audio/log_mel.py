"""Waveforms to log-mel pictures, the usual features of speech recognition."""

from __future__ import annotations

import wave
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT, get_window, resample_poly

Floats = NDArray[np.float64]

_WINDOW_SECONDS, _HOP_SECONDS = 0.025, 0.010
_QUIETEST = 1e-5
"""Energies are raised by this share of the loudest one, 50 dB below it, before the logarithm."""


def read_wave(path: Path, rate: int) -> Floats:
    """Samples in [-1, 1) of a mono WAV file of 16 bits.

    Raises:
        ValueError: the file has another rate, width or number of channels.
    """
    with wave.open(str(path)) as file:
        found = (file.getframerate(), file.getsampwidth(), file.getnchannels())
        if found != (rate, 2, 1):
            raise ValueError(f"{path.name}: rate, bytes and channels must be {(rate, 2, 1)}, got {found}")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 2.0**15


def at_speed(samples: Floats, percent: int) -> Floats:
    """The recording played at `percent` of its speed: pitch and tempo change together.

    Source: T. Ko et al. 2015, Audio Augmentation for Speech Recognition. Interspeech.
    """
    return np.asarray(resample_poly(samples, 100, percent)) if percent != 100 else samples


def log_mel(samples: Floats, rate: int, bands: int, frames: int) -> NDArray[np.float32]:
    """A picture of shape (bands, frames): the logarithm of mel band energies, of a whole utterance.

    Energies in windows of 25 ms, 10 ms apart (Hann), are summed in triangular bands that lie evenly on the mel scale.
    Each band's mean over the utterance is taken off, which cancels microphone and loudness, and the whole is divided
    by its standard deviation. Linear interpolation in time then brings slow and fast speakers to the same `frames`.
    """
    transform, filters = _transform(rate), _filters(rate, bands)
    power = np.abs(transform.stft(samples, p0=0, p1=len(samples) // transform.hop + 1)) ** 2
    energies = filters @ power
    levels = np.log(energies + _QUIETEST * energies.max())
    levels -= levels.mean(1, keepdims=True)
    return _stretched(levels / levels.std(), frames).astype(np.float32)


def mel_filters(bands: int, frequencies: Floats) -> Floats:
    """Weights of shape (bands, frequencies): overlapping triangles, evenly on mel(f) = 2595 log10(1 + f / 700).

    Source: S. Davis, P. Mermelstein 1980, Comparison of Parametric Representations for Monosyllabic Word Recognition.
    IEEE Transactions on Acoustics, Speech, and Signal Processing 28(4).
    """
    highest = 2595 * np.log10(1 + frequencies[-1] / 700)
    corners = 700 * (10 ** (np.linspace(0, highest, bands + 2) / 2595) - 1)
    low, peak, high = (corners[first : first + bands, None] for first in range(3))
    rising, falling = (frequencies - low) / (peak - low), (high - frequencies) / (high - peak)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


@lru_cache
def _transform(rate: int) -> ShortTimeFFT:
    """Windows are padded to twice the next power of two: the narrowest bands hold a frequency each."""
    window = get_window("hann", round(_WINDOW_SECONDS * rate))
    length = 2 ** (len(window) - 1).bit_length()
    return ShortTimeFFT(window, round(_HOP_SECONDS * rate), rate, mfft=2 * length)


@lru_cache
def _filters(rate: int, bands: int) -> Floats:
    return mel_filters(bands, _transform(rate).f)


def _stretched(levels: Floats, frames: int) -> Floats:
    there = np.linspace(0, levels.shape[1] - 1, frames)
    return np.stack([np.interp(there, np.arange(levels.shape[1]), band) for band in levels])
