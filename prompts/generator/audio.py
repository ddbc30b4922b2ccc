"""From an engine's samples to a prompt master: one rate, one band, one level, clean ends.

The numbers are the audio rules every prompt set keeps; change one here and all sets must be
made again.
"""

import io
import wave

import numpy as np
from scipy.signal import butter, lfilter, resample_poly, sosfiltfilt

RATE_HZ = 16_000
LEVEL_DBOV = -22.0          # active speech level; 0 dBov is the power of a full-scale square wave
PEAK_DBFS_MAX = -1.0
HIGH_PASS_HZ = 90
LEAD_S = 0.020              # before the first sound
TAIL_S = 0.050              # after the last sound
FADE_S = 0.008              # inside lead and tail, so no sound of the word is faded
PAUSE_S_MAX = 0.400         # longest silence kept between two sentences of a prompt
SILENCE_DB = 45.0           # quieter than the loudest 5 ms by this much is silence
LEAD_IN_PAUSE_S = 0.130     # a silence this long ends the words that are cut off


def master(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """16 kHz 16-bit samples of one prompt, ready to be written."""
    gcd = np.gcd(rate_hz, RATE_HZ)
    x = resample_poly(samples.astype(np.float64), RATE_HZ // gcd, rate_hz // gcd)
    # Room at both ends, so that the filter settles and the fades never run off the file.
    room = np.zeros(RATE_HZ // 4)
    x = np.concatenate([room, x, room])
    x = sosfiltfilt(butter(2, HIGH_PASS_HZ / (RATE_HZ / 2), "high", output="sos"), x)
    x = _shorten_pauses(_trim(x))
    for _ in range(5):  # the measure moves in small steps with the level, so close in on it
        x *= 10 ** ((LEVEL_DBOV - active_level_dbov(x)) / 20)
    if peak_dbfs(x) > PEAK_DBFS_MAX:
        raise ValueError(f"peak {peak_dbfs(x):.1f} dBFS at {LEVEL_DBOV} dBov: take another")
    return np.round(x * 32767).astype("<i2")


def after_first_pause(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """What is said after the first pause: the lead of a take is cut off there."""
    first, last = _sounds(samples, rate_hz)
    frame = _frame(rate_hz)
    run = 0
    for i, quiet in enumerate(_quiet(samples[first:last], rate_hz, SILENCE_DB)):
        if not quiet and run * frame >= LEAD_IN_PAUSE_S * rate_hz:
            return samples[first + (i - 2) * frame :]
        run = run + 1 if quiet else 0
    raise ValueError("no pause after the lead: choose another lead or pace")


def wav(samples: np.ndarray) -> bytes:
    """A WAV file with the plain 44-byte header."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def read(path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def peak_dbfs(x: np.ndarray) -> float:
    return 20 * np.log10(np.abs(x).max())


def active_level_dbov(x: np.ndarray) -> float:
    """Active speech level after ITU-T P.56 method B: 30 ms smoothing, 200 ms hangover."""
    margin_db = 15.9
    decay = np.exp(-1 / (RATE_HZ * 0.030))
    envelope = np.abs(x)
    for _ in range(2):
        envelope = lfilter([1 - decay], [1, -decay], envelope)
    energy = np.sum(x * x)
    place = np.arange(len(x))
    before = None
    for threshold in 2.0 ** np.arange(-15, 0):
        above = envelope >= threshold
        if not above.any():
            break
        last = np.maximum.accumulate(np.where(above, place, -len(x)))
        active = np.sum(place - last <= 0.200 * RATE_HZ)
        level = 10 * np.log10(energy / active)
        excess = level - 20 * np.log10(threshold) - margin_db
        if excess <= 0:
            if before is None:
                return level
            level_before, excess_before = before
            share = excess_before / (excess_before - excess)
            return level_before + share * (level - level_before)
        before = (level, excess)
    raise ValueError("no speech in this prompt")


def longest_silence_s(x: np.ndarray, silence_db: float = 35.0) -> float:
    """The longest quiet stretch between the first and the last sound."""
    first, last = _sounds(x, RATE_HZ)
    longest = run = 0
    for quiet in _quiet(x[first:last], RATE_HZ, silence_db):
        run = run + 1 if quiet else 0
        longest = max(longest, run)
    return longest * _frame(RATE_HZ) / RATE_HZ


def _frame(rate_hz: int) -> int:
    """Samples in 5 ms, the step in which sound and silence are told apart."""
    return rate_hz // 200


def _quiet(x: np.ndarray, rate_hz: int, silence_db: float) -> np.ndarray:
    frame = _frame(rate_hz)
    frames = x[: len(x) // frame * frame].reshape(-1, frame).astype(np.float64)
    power_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return power_db < power_db.max() - silence_db


def _sounds(x: np.ndarray, rate_hz: int) -> tuple[int, int]:
    """Where the first sound begins and the last one ends."""
    loud = np.flatnonzero(~_quiet(x, rate_hz, SILENCE_DB))
    return loud[0] * _frame(rate_hz), (loud[-1] + 1) * _frame(rate_hz)


def _trim(x: np.ndarray) -> np.ndarray:
    first, last = _sounds(x, RATE_HZ)
    fade = int(FADE_S * RATE_HZ)
    x = x[first - fade : last + fade].copy()
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    x[:fade] *= ramp
    x[-fade:] *= ramp[::-1]
    lead = np.zeros(int(LEAD_S * RATE_HZ) - fade)
    tail = np.zeros(int(TAIL_S * RATE_HZ) - fade)
    return np.concatenate([lead, x, tail])


def _shorten_pauses(x: np.ndarray) -> np.ndarray:
    first, last = _sounds(x, RATE_HZ)
    keep = np.ones(len(x), bool)
    allowed = int(PAUSE_S_MAX * RATE_HZ)
    start = None
    for i, quiet in enumerate(np.append(_quiet(x[first:last], RATE_HZ, SILENCE_DB), False)):
        here = first + i * _frame(RATE_HZ)
        if quiet:
            start = here if start is None else start
        elif start is not None:
            if here - start > allowed:
                keep[start + allowed // 2 : here - (allowed - allowed // 2)] = False
            start = None
    return x[keep]
