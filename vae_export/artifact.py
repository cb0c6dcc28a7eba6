"""What a conversion makes: one file for one half of the VAE."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["DEFAULT_BATCHES", "FORMATS", "Artifact", "TensorSpec"]

# The formats that Keras models are converted to, in the order in which files are made and shown.
FORMATS = ("onnx", "tflite")
# Batch sizes that a .tflite file has a signature for: its delegates take static shapes alone.
DEFAULT_BATCHES = (1, 16, 64)


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of an artifact.

    Attributes:
        name: as in the file.
        shape: with None where the size is free.
        dtype: NumPy's name.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class Artifact:
    """A converted half, in memory.

    Attributes:
        role: "encoder" or "decoder".
        format: a member of `FORMATS`, or "ort".
        precision: "float32".
        data: the bytes of the file.
        inputs, outputs: in the order of the file; bind them by name.
        batches: the batch sizes that it takes, ascending; None for any.
        preferred_batch: how many rows a runtime is best given at a time.
        operators: the kinds of operators in the file, sorted.
        oldest_runtime: the oldest runtime known to load the file.
        opset, ir_version: of ONNX files.
    """

    role: str
    format: str
    precision: str
    data: bytes = field(repr=False)
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batches: tuple[int, ...] | None
    preferred_batch: int
    operators: tuple[str, ...]
    oldest_runtime: str
    opset: int | None = None
    ir_version: int | None = None

    @property
    def file(self) -> str:
        """Its name in the bundle: ``ROLE.FORMAT``."""
        return f"{self.role}.{self.format}"
