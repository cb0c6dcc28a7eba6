"""The oldest runtime of a file, as its manifest has it: package and version, as in "onnxruntime 1.15.1".

It is one that files like it were tried on, the reference models' in every precision, and computed there what
they compute in the newest; older ones may have the operators too, but nobody looked. tests/old_runtimes tries
them again. A file that needs more than any of them is of the runtime that it was verified on here.
"""

from __future__ import annotations

from importlib.metadata import version

__all__ = ["OLDEST_FOR_ONNX", "oldest_for_ort", "oldest_for_tflite"]

# It has every opset that files are made for: 1.14 was the first with the last of them.
OLDEST_FOR_ONNX = "onnxruntime 1.15.1"
# Version of the format -> the oldest ONNX Runtime that loads it.
_OLDEST_FOR_ORT = {b"6": "1.17.0"}
# TensorFlow version that a runtime has all operators of -> the runtime, from the oldest on. For the oldest
# operators TensorFlow names versions down to 1.5, which cannot run signatures.
_OLDEST_FOR_TFLITE = {(2, 14, 0): "tflite-runtime 2.14.0", (2, 17, 0): "ai-edge-litert 1.0.1"}


def oldest_for_ort(format_version: bytes) -> str:
    """The oldest runtime of a version of the .ort format."""
    return f"onnxruntime {_OLDEST_FOR_ORT.get(format_version) or version('onnxruntime')}"


def oldest_for_tflite(minimum: str) -> str:
    """The oldest runtime of a .tflite file.

    Args:
        minimum: the TensorFlow version whose operators it needs; see `minimum_runtime`. It is empty where
            TensorFlow does not know the version.
    """
    for known, runtime in _OLDEST_FOR_TFLITE.items():
        if minimum and tuple(map(int, minimum.split("."))) <= known:
            return runtime
    return f"ai-edge-litert {version('ai-edge-litert')}"
