"""The prompt set of one language: every file of it, measured, and its manifest."""

import hashlib
import json
import tomllib
from pathlib import Path

import audio
import kokoro

ENGINES = {"kokoro": kokoro}
DIGIT_S_MIN, DIGIT_S_MAX = 0.40, 0.75       # the spoken word, without lead and tail
DIGIT_SILENCE_S_MAX = 0.120                 # inside a digit


def make(language_file: Path, prompts: Path, cache: Path) -> None:
    language = tomllib.loads(language_file.read_text())
    engine = ENGINES[language["engine"]]
    voice = engine.Voice(language, cache)
    folder = prompts / language["locale"]
    folder.mkdir(exist_ok=True)
    files = {}
    print(f"{'key':<14}{'samples':>8}{'speech':>8}{'level':>8}{'peak':>7}{'hole':>7}{'DC':>8}")
    for kind in ("digits", "text"):
        for key, text in language[kind].items():
            take = language["takes"][kind] | language["takes"].get(key, {})
            files[key] = make_prompt(voice, folder, key, text, take, engine.RATE_HZ)
            report(key, kind, folder)
    (folder / "manifest.toml").write_text(manifest(language, engine, voice, files))


def make_prompt(voice, folder: Path, key: str, text: str, take: dict, rate_hz: int) -> dict:
    spoken = f"{take.get('lead', '')}{text}{take.get('ending', '')}"
    samples = voice.speak(voice.phonemes(spoken), take["speed"])
    if "lead" in take:
        samples = audio.after_first_pause(samples, rate_hz)
    samples = audio.master(samples, rate_hz)
    content = audio.wav(samples)
    (folder / f"{key}.wav").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return {"file": f"{key}.wav", "sha256": digest, "samples": len(samples)}


def report(key: str, kind: str, folder: Path) -> None:
    """Measures the written file, and stops at a digit that a caller would stumble over."""
    x = audio.read(folder / f"{key}.wav")
    spoken_s = len(x) / audio.RATE_HZ - audio.LEAD_S - audio.TAIL_S
    hole_s = audio.longest_silence_s(x)
    print(f"{key:<14}{len(x):>8}{spoken_s:>7.2f}s{audio.active_level_dbov(x):>8.2f}"
          f"{audio.peak_dbfs(x):>7.1f}{hole_s * 1000:>5.0f}ms{abs(x.mean()) * 100:>7.4f}%")
    if kind == "digits" and not DIGIT_S_MIN <= spoken_s <= DIGIT_S_MAX:
        raise SystemExit(f"digit {key} lasts {spoken_s:.2f} s")
    if kind == "digits" and hole_s > DIGIT_SILENCE_S_MAX:
        raise SystemExit(f"digit {key} has {hole_s:.3f} s of silence inside")


def manifest(language: dict, engine, voice, files: dict) -> str:
    head = {key: language[key] for key in ("locale", "name", "voice")}
    head["engine"] = language["engine"]
    head["engine_version"] = voice.version()
    head["licence"] = engine.LICENCE
    head["attribution"] = f"{engine.ATTRIBUTION}, voice {language['voice']}"
    head["quality"] = language["quality"]
    lines = [f"# Made by prompts/generator/make.py {language['locale']}; do not edit by hand.", ""]
    lines += [f"{key} = {quote(value)}" for key, value in head.items()]
    lines += ["", "[text]"] + [f"{k} = {quote(v)}" for k, v in language["text"].items()]
    lines += ["", "[digits]"] + [f"{k} = {quote(v)}" for k, v in language["digits"].items()]
    lines += ["", "[files]"]
    for key, entry in files.items():
        fields = ", ".join(f"{name} = {quote(value)}" for name, value in entry.items())
        lines.append(f"{key} = {{ {fields} }}")
    return "\n".join(lines) + "\n"


def quote(value: str | int) -> str:
    """A TOML value; JSON strings are TOML basic strings."""
    return json.dumps(value, ensure_ascii=False)
