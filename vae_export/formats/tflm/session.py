"""Run an artifact for microcontrollers on this machine, in TensorFlow Lite Micro."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.formats.tflite.description import tensor_specs
from vae_export.formats.tflm.integers import from_integers, to_integers
from vae_export.formats.tflm.interface import interface_of
from vae_export.formats.tflm.interpreter import find_arena, run_in_tflm
from vae_export.private.litert import read_model
from vae_export.runtime.python import vae_runtime

__all__ = ["TflmSession", "array_in"]

Array = np.ndarray[Any, Any]

_BYTE = re.compile(r"0x([0-9a-f]{2}),")


def array_in(source: str) -> bytes:
    """The .tflite file that a source file holds, see `c_source.to_source`."""
    return bytes.fromhex("".join(_BYTE.findall(source)))


class TflmSession(vae_runtime.Session):
    """A source file (path or content) in TensorFlow Lite Micro; every run is a process of its own.

    Args:
        model: the file.
    """

    def __init__(self, model: str | bytes) -> None:
        text = Path(model).read_text("ascii") if isinstance(model, str) else model.decode("ascii")
        self._file = Path(model).name if isinstance(model, str) else "the array"
        self._data = array_in(text)
        interface = interface_of(self._file, self._data)
        inputs, outputs = tensor_specs(read_model(self._data), several=False)
        self._specs = {spec.name: spec for spec in (*inputs, *outputs)}

        def describe(names: tuple[str, ...]) -> dict[str, tuple[tuple[int | None, ...], Any]]:
            specs = [self._specs[name] for name in names]
            return {
                spec.name: (spec.shape, np.dtype(np.float32 if spec.quantisation else spec.dtype))
                for spec in specs
            }

        self.inputs, self.outputs = describe(interface.inputs), describe(interface.outputs)
        self._batches, self._rows = (1,), 1
        # Runs a row, so an unsupported file is an error now.
        self._arena = find_arena(self._file, self._data, [self._zeros(name) for name in self.inputs])

    def _zeros(self, name: str) -> Array:
        spec = self._specs[name]
        return np.zeros([size or 1 for size in spec.shape], spec.dtype)

    def run_batches(self, inputs: dict[str, Array]) -> list[Array]:
        """Run all rows one by one in a single process; returns the outputs in the order of `outputs`."""
        given = [to_integers(inputs[name], self._specs[name]) for name in self.inputs]
        made = run_in_tflm(self._file, self._data, given, self._arena)
        return [
            from_integers(array, self._specs[name]) for name, array in zip(self.outputs, made, strict=True)
        ]

    def run_whole(self, inputs: dict[str, Array], rows: int) -> list[Array]:
        """Run a batch."""
        return self.run_batches(inputs)
