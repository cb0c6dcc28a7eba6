"""A program that runs a .tflite file in TensorFlow Lite Micro; isolated: some files crash the interpreter.

``python -m vae_export.formats.tflm.child MODEL INPUTS RESULT [ARENA]``

INPUTS is an .npz of rows ``[n, ...]`` by input, in the interpreter's order. With an ARENA in bytes the
outputs go to RESULT in the same form; without one the size of the smallest arena does. Exit code 1: the
interpreter refuses the file, and has said why on standard error.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tflite_micro import runtime

Array = np.ndarray[Any, Any]

# Alignment of the tensors in an arena, bytes.
ALIGNMENT = 16
FIRST, LARGEST = 1 << 16, 1 << 26


def run(model: bytes, inputs: Sequence[Array], arena_bytes: int) -> list[Array]:
    """Run rows one by one.

    Args:
        model: the file.
        inputs: rows ``[n, ...]`` by input.
        arena_bytes: size of the arena.

    Returns:
        The rows of each output.

    Raises:
        RuntimeError: the interpreter refuses the file, or the arena.
    """
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
    outputs: list[list[Array]] = [[] for _ in runtime.convert_bytearray_to_object(model).subgraphs[0].outputs]
    for row in range(len(inputs[0])):
        for index, rows in enumerate(inputs):
            interpreter.set_input(rows[row : row + 1], index)
        interpreter.invoke()
        for index, found in enumerate(outputs):
            found.append(np.array(interpreter.get_output(index)))
    return [np.concatenate(found) for found in outputs]


def smallest_arena(model: bytes, inputs: Sequence[Array]) -> int:
    """Bytes of the smallest arena, a multiple of `ALIGNMENT`, in which a row can be run.

    Raises:
        RuntimeError: the largest arena is too small.
    """
    # Not from print_allocations: memory planning can need more.
    row = [rows[:1] for rows in inputs]

    def fits(size: int) -> bool:
        # The interpreter refuses some arenas that are too small, and writes past the end of others, which
        # kills the process.
        child = os.fork()
        if not child:
            try:
                run(model, row, size)
            except RuntimeError:
                os._exit(1)
            os._exit(0)
        return os.waitpid(child, 0)[1] == 0

    sizes = itertools.takewhile(lambda size: size < LARGEST, (FIRST << power for power in itertools.count()))
    enough = next((size for size in sizes if fits(size)), None)
    if enough is None:
        run(model, row, LARGEST)
        enough = LARGEST
    low, high = 0, enough // ALIGNMENT
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle * ALIGNMENT) else (middle, high)
    return high * ALIGNMENT


def main(model: str, inputs: str, result: str, arena: str | None = None) -> int:
    """Run the program; see the module."""
    data = Path(model).read_bytes()
    with np.load(inputs) as file:
        rows = in_order(file)
    try:
        found = [np.array(smallest_arena(data, rows))] if arena is None else run(data, rows, int(arena))
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    np.savez(result, *found)
    return 0


def in_order(arrays: Mapping[str, Array]) -> list[Array]:
    """The arrays of an .npz without names, in the order in which they were saved."""
    return [arrays[f"arr_{index}"] for index in range(len(arrays))]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
