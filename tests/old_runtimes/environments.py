"""Old runtimes, each in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.runtime.toolchain import missing

# Packages of runtimes; those of .tflite files from the older to the younger, which goes on with the line.
PACKAGES = ("onnxruntime", "tflite-runtime", "ai-edge-litert")


@dataclass(frozen=True)
class OldRuntime:
    """A runtime to try files on.

    Attributes:
        package, version: what to install.
        numpy: the version of NumPy that goes with it.
        formats: of the files it runs.
        last_python: the last one that there are wheels for.
    """

    package: str
    version: str
    numpy: str
    formats: tuple[str, ...]
    last_python: tuple[int, int]

    def __str__(self):
        return f"{self.package} {self.version}"

    @property
    def requirements(self):
        return [f"{self.package}=={self.version}", f"numpy=={self.numpy}"]


# Every oldest runtime that vae_export.formats writes into manifests is here, and what lies between.
OLD_RUNTIMES = (
    OldRuntime("onnxruntime", "1.15.1", "1.26.4", ("onnx", "ort"), (3, 11)),
    OldRuntime("onnxruntime", "1.17.0", "1.26.4", ("onnx", "ort"), (3, 12)),
    OldRuntime("onnxruntime", "1.20.1", "2.2.6", ("onnx", "ort"), (3, 13)),
    OldRuntime("tflite-runtime", "2.14.0", "1.26.4", ("tflite",), (3, 11)),
    OldRuntime("ai-edge-litert", "1.0.1", "1.26.4", ("tflite",), (3, 11)),
)


def age(text):
    """What to sort runtimes by that run the same files: the oldest come first.

    Args:
        text: as `oldest_runtime` of a manifest: package and version.
    """
    package, version = text.split()
    return PACKAGES.index(package), tuple(map(int, version.split(".")))


def python_of(runtime, root):
    """The interpreter of a runtime's environment, made at its first use and kept below the checkout."""
    if sys.version_info[:2] > runtime.last_python:
        last = ".".join(map(str, runtime.last_python))
        pytest.skip(f"{runtime} has no wheels for Pythons after {last}")
    folder = root / ".cache" / "old-runtimes" / str(runtime).replace(" ", "-")
    python, stamp = folder / "bin" / "python", folder / "stamp"
    text = "\n".join([sys.version, *runtime.requirements])
    if not stamp.is_file() or stamp.read_text() != text:
        _run(runtime, sys.executable, "-m", "venv", "--clear", folder)
        options = ("--quiet", "--disable-pip-version-check", "--only-binary=:all:")
        _run(runtime, python, "-m", "pip", "install", *options, *runtime.requirements)
        # The last thing: what was interrupted has none, and is made again.
        stamp.write_text(text)
    return python


def _run(runtime, *command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        missing(f"{runtime} cannot be installed: {' '.join(reason)}", "CI needs a network and venv")
