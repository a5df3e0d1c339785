"""Log-mel pictures: bands where the tones are, the same picture for louder and slower speech, refused files."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from leaky.lab.audio.log_mel import at_speed, log_mel, mel_filters, read_wave

RATE, BANDS = 8_000, 40


def tone(hertz: float, seconds: float = 0.5) -> np.ndarray:
    time = np.arange(round(RATE * seconds)) / RATE
    return np.sin(2 * np.pi * hertz * time)


def centre(band: int) -> float:
    """The frequency of a band's peak, by the inverse of mel(f) = 2595 log10(1 + f / 700)."""
    mel = 2595 * np.log10(1 + RATE / 2 / 700) * (band + 1) / (BANDS + 1)
    return float(700 * (10 ** (mel / 2595) - 1))


@pytest.mark.parametrize("band", [3, 15, 36])
def test_a_tone_is_loud_in_its_own_band_while_it_sounds(band: int) -> None:
    sound = np.concatenate((1e-3 * tone(1000), tone(centre(band)), 1e-3 * tone(1000)))
    picture = log_mel(sound, RATE, BANDS, 30)
    assert picture.shape == (BANDS, 30)
    assert picture.dtype == np.float32
    assert picture[:, 15].argmax() == band
    assert picture[band, 12:18].min() > picture[band, [0, 1, -2, -1]].max() + 2


def test_bands_have_mean_0_and_the_picture_spread_1() -> None:
    sound = np.random.default_rng(0).normal(size=RATE) * np.linspace(0.1, 1, RATE)
    picture = log_mel(sound, RATE, BANDS, 101)  # a frame per hop: nothing is stretched
    assert np.abs(picture.mean(1)).max() < 1e-5
    assert picture.std() == pytest.approx(1, abs=1e-5)


def test_loudness_does_not_matter_and_tempo_hardly() -> None:
    random = np.random.default_rng(0)
    slow = np.concatenate([tone(hertz, 0.4) for hertz in (400, 1500, 700)]) + 0.01 * random.normal(size=9600)
    fast = np.concatenate([tone(hertz, 0.2) for hertz in (400, 1500, 700)]) + 0.01 * random.normal(size=4800)
    picture = log_mel(slow, RATE, BANDS, 30)
    np.testing.assert_allclose(log_mel(0.01 * slow, RATE, BANDS, 30), picture, atol=1e-4)
    assert np.corrcoef(log_mel(fast, RATE, BANDS, 30).ravel(), picture.ravel())[0, 1] > 0.9


def test_faster_is_shorter_and_higher() -> None:
    sound = tone(500, 1.0)
    assert at_speed(sound, 100) is sound
    fast = at_speed(sound, 110)
    assert len(fast) == pytest.approx(RATE / 1.1, abs=2)
    heard = np.fft.rfftfreq(len(fast), 1 / RATE)[np.abs(np.fft.rfft(fast)).argmax()]
    assert heard == pytest.approx(550, abs=2)


def test_filters_are_triangles_that_add_up_to_1_between_the_outer_peaks() -> None:
    frequencies = np.linspace(0, RATE / 2, 2001)
    filters = mel_filters(BANDS, frequencies)
    peaks = frequencies[filters.argmax(1)]
    np.testing.assert_allclose(peaks, [centre(band) for band in range(BANDS)], atol=2)
    between = (frequencies > peaks[0]) & (frequencies < peaks[-1])
    np.testing.assert_allclose(filters.sum(0)[between], 1, atol=1e-12)


def test_a_wave_file_is_read_and_another_rate_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.array([0, 16384, -32768], "<i2").tobytes())
    assert read_wave(path, RATE).tolist() == [0.0, 0.5, -1.0]
    with pytest.raises(
        ValueError,
        match=r"^one.wav: rate, bytes and channels must be \(16000, 2, 1\), got \(8000, 2, 1\)$",
    ):
        read_wave(path, 16_000)
