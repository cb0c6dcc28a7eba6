import importlib.metadata

import onnxruntime
import pytest

from vae_export.formats.oldest_runtimes import oldest_for_ort, oldest_for_tflite

NEWEST = f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}"


@pytest.mark.parametrize(
    ("minimum", "runtime"),
    [
        ("1.5.0", "tflite-runtime 2.14.0"),
        ("2.9.0", "tflite-runtime 2.14.0"),
        ("2.14.0", "tflite-runtime 2.14.0"),
        ("2.15.0", "ai-edge-litert 1.0.1"),
        ("2.17.0", "ai-edge-litert 1.0.1"),
        ("2.17.1", NEWEST),
        ("2.20.0", NEWEST),
        ("", NEWEST),
    ],
)
def test_tflite_by_the_tensorflow_that_has_the_operators(minimum, runtime):
    assert oldest_for_tflite(minimum) == runtime


@pytest.mark.parametrize(
    ("version", "runtime"),
    [(b"6", "onnxruntime 1.17.0"), (b"7", f"onnxruntime {onnxruntime.__version__}")],
    ids=["tried", "that nobody tried"],
)
def test_ort_by_the_version_of_the_format(version, runtime):
    assert oldest_for_ort(version) == runtime
