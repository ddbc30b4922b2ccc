#!/usr/bin/env python3
"""Make the prompt set of one language: `python3 prompts/generator/make.py en`.

Reads <language>.toml beside this file, writes ../<locale>/*.wav and manifest.toml. Needs
Python 3.11 or later, npm and espeak-ng; installs the rest, pinned and hashed, in a cache.
"""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
DIGIT_S_MIN, DIGIT_S_MAX = 0.40, 0.75       # the spoken word, without lead and tail
DIGIT_SILENCE_S_MAX = 0.120                 # inside a digit


def cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(base) / "belfry-prompts"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def enter_environment(cache: Path) -> None:
    """Runs the rest under a Python that has exactly the pinned requirements."""
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    home = cache / f"python-{pins}"
    python = home / "bin/python"
    if Path(sys.prefix) == home:
        return
    if not (home / "complete").exists():
        venv.create(home, clear=True, with_pip=True)
        install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", REQUIREMENTS]
        subprocess.run([python, *install], check=True)
        (home / "complete").touch()
    os.execv(python, [python, "-B", *sys.argv])


def main(name: str) -> None:
    cache = cache_dir()
    enter_environment(cache)
    import kokoro

    language = tomllib.loads((HERE / f"{name}.toml").read_text())
    engines = {"kokoro": kokoro}
    engine = engines[language["engine"]]
    voice = engine.Kokoro(language, cache)
    folder = HERE.parent / language["locale"]
    folder.mkdir(exist_ok=True)
    files = {}
    print(f"{'key':<14}{'samples':>8}{'speech':>8}{'level':>8}{'peak':>7}{'hole':>7}{'DC':>8}")
    for key, text in (language["digits"] | language["text"]).items():
        kind = "digits" if key in language["digits"] else "text"
        take = language["takes"][kind] | language["takes"].get(key, {})
        files[key] = make_prompt(voice, folder, key, text, take, engine.RATE_HZ)
        report(key, kind, folder)
    (folder / "manifest.toml").write_text(manifest(language, engine, voice, files))


def make_prompt(voice, folder: Path, key: str, text: str, take: dict, rate_hz: int) -> dict:
    import audio

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
    import audio

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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: make.py LANGUAGE")
    main(sys.argv[1])
