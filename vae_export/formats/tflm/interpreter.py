"""TensorFlow Lite Micro, in a process of its own."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.errors import ConversionError, MissingDependencyError, one_line

__all__ = ["find_arena", "need_tflm", "run_in_tflm", "tflm_version"]

Array = np.ndarray[Any, Any]

_CHILD = "vae_export.formats.tflm.child"
_LACKING = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
_OTHERWISE = "change the model, or leave out --format tflm"


def need_tflm() -> None:
    """Check that TensorFlow Lite Micro is installed.

    Raises:
        MissingDependencyError: it is not.
    """
    if importlib.util.find_spec("tflite_micro") is None:
        raise MissingDependencyError(
            "format tflm: tflite-micro is not installed, and files for microcontrollers are run in it; "
            "pip install --pre tflite-micro"
        )


def tflm_version() -> str:
    """Name and version of the installed interpreter."""
    return f"tflite-micro {importlib.metadata.version('tflite-micro')}"


def find_arena(file: str, data: bytes, inputs: Sequence[Array]) -> int:
    """Bytes of the smallest arena in which a row was run.

    Args:
        file: name of the .tflite file, for messages.
        data: the file.
        inputs: rows ``[n, ...]`` by input, in the interpreter's order.

    Raises:
        ConversionError: the interpreter refuses the file, or crashes.
    """
    (size,) = _run_child(file, data, inputs)
    return int(size)


def run_in_tflm(file: str, data: bytes, inputs: Sequence[Array], arena_bytes: int) -> list[Array]:
    """Run rows one after the other.

    Args:
        file, data, inputs: see `find_arena`.
        arena_bytes: size of the arena.

    Returns:
        Rows ``[n, ...]`` by output, in the interpreter's order.

    Raises:
        ConversionError: the interpreter refuses the file or the arena, or crashes.
    """
    return _run_child(file, data, inputs, str(arena_bytes))


def _run_child(file: str, data: bytes, inputs: Sequence[Array], *arguments: str) -> list[Array]:
    with tempfile.TemporaryDirectory() as folder:
        model, given, result = (Path(folder, name) for name in ("model.tflite", "inputs.npz", "result.npz"))
        model.write_bytes(data)
        np.savez(given, *inputs)
        done = subprocess.run(
            [sys.executable, "-m", _CHILD, str(model), str(given), str(result), *arguments],
            # The same import path as in this process.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise ConversionError(f"{file}: {_reason(done.returncode, done.stderr)}; {_OTHERWISE}")
        with np.load(result) as arrays:
            return [arrays[f"arr_{index}"] for index in range(len(arrays))]


def _reason(code: int, said: str) -> str:
    lacking = _LACKING.search(said)
    if lacking:
        return f"holds {lacking[1]}, which TensorFlow Lite Micro does not have"
    if code < 0:
        return f"TensorFlow Lite Micro dies of it ({signal.Signals(-code).name})"
    return f"TensorFlow Lite Micro refuses it ({one_line(said)})"
