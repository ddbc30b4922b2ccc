#!/usr/bin/env python3
"""Make the prompt set of one language: `python3 prompts/generator/make.py en`.

Reads <language>.toml beside this file, writes ../<locale>/*.wav and manifest.toml. Needs
Python 3.11 or later, npm and espeak-ng; installs the rest, pinned and hashed, in a cache.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: make.py LANGUAGE")
    enter_environment(cache_dir())
    import prompt_set  # it needs what the line above installed

    prompt_set.make(HERE / f"{sys.argv[1]}.toml", HERE.parent, cache_dir())
