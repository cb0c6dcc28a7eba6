"""What a half is to a program for microcontrollers: its file as C++ source, and what that needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vae_export.core.artifact import Artifact

__all__ = ["TARGETS", "Difference", "Firmware"]

# What bundles are made for, beside the runtimes of computers and phones.
TARGETS = ("mcu",)


@dataclass(frozen=True)
class Difference:
    """How far an output is off, in steps of its integers."""

    largest: float
    mean: float


@dataclass(frozen=True)
class Firmware:
    """A file for TensorFlow Lite Micro, as it was seen to run there.

    Attributes:
        artifact: the file: one signature, of one row.
        files: C++ source and header: name in the bundle -> content.
        inputs, outputs: names in the order of the interpreter.
        operators: methods of tflite::MicroMutableOpResolver that add what the file needs.
        arena_bytes: an arena that is large enough.
        interpreter: what it ran in, with its version.
        rows: how many inputs it ran on.
        differences: output -> what is between it and LiteRT's reference kernels.
    """

    artifact: Artifact
    files: Mapping[str, bytes] = field(repr=False)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: tuple[str, ...]
    arena_bytes: int
    interpreter: str
    rows: int
    differences: Mapping[str, Difference]
