"""Time the artifacts of a bundle in the runtime helper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from vae_export.bench.machine import describe_machine
from vae_export.bench.timing import Timing, interleave
from vae_export.bundle.reader import Bundle
from vae_export.core.manifest import ArtifactEntry
from vae_export.errors import InputError
from vae_export.formats import FORMATS
from vae_export.formats.loading import load_vae
from vae_export.io.notebook import table_html
from vae_export.io.quiet import quiet
from vae_export.runtime.python import vae_runtime
from vae_export.verify.metrics import value_scale

__all__ = ["BenchReport", "BenchRow", "bench_bundle", "load_pairs"]

Array = np.ndarray[Any, Any]
Run = Callable[[Mapping[str, Array]], Any]

KERAS = "Keras"
# Loading takes longer than running, and is done once.
LOAD_ROUNDS = 7
# Largest difference of the Keras model from the golden arrays, relative to the range of the values: other
# versions and machines round differently.
GOLDEN_TOLERANCE = 1e-3
OTHER = "give the model that the bundle was made from"


@dataclass(frozen=True)
class BenchRow:
    """The figures of an artifact, or of the Keras half.

    Attributes:
        role: "encoder" or "decoder".
        name: name of the file, or "Keras".
        threads: threads of the runtime; None if it chooses.
        bytes: size of the file.
        load: seconds of loading the file, without the import of the runtime.
        batches: batch size -> seconds of a call.
        speedup: batch size -> time of Keras / time of the artifact; empty without Keras.
        max_absolute_error: against Keras, from the manifest.
    """

    role: str
    name: str
    threads: int | None
    bytes: int | None
    load: Timing | None
    batches: Mapping[int, Timing]
    speedup: Mapping[int, float]
    max_absolute_error: float | None


@dataclass(frozen=True, repr=False)
class BenchReport:
    """The result of a benchmark.

    Attributes:
        rows: encoders, then decoders.
        machine: the machine in one line.
        rounds: number of timed blocks of calls of each.
    """

    rows: tuple[BenchRow, ...]
    machine: str
    rounds: int

    def __repr__(self) -> str:
        return f"<BenchReport: {len(self.rows)} files, {self.rounds} rounds, {self.machine}>"

    def _repr_html_(self) -> str:
        return table_html(
            repr(self).strip("<>"),
            ("file", "batch", "µs a call"),
            (
                (f"{row.role} {row.name}", str(size), f"{timing.median * 1e6:.1f}")
                for row in self.rows
                for size, timing in row.batches.items()
            ),
        )


def load_pairs(bundle: Bundle, threads: int | None) -> list[vae_runtime.Vae]:
    """Load the bundle in each of its formats and precisions.

    Raises:
        VaeRuntimeError: a runtime is not installed, or there cannot be so many threads.
    """
    return [
        load_vae(bundle.path, format, threads=threads, precision=precision)
        for format, precision in bundle.pairs
    ]


def bench_bundle(
    bundle: Bundle,
    loaded: Sequence[vae_runtime.Vae],
    *,
    batches: Sequence[int],
    rounds: int,
    keras: Mapping[str, Run] | None = None,
    keras_threads: int | None = None,
    progress: Callable[[str], None],
) -> BenchReport:
    """Time every artifact on the bundle's golden inputs, interleaved, after a warm-up.

    Args:
        bundle: the bundle.
        loaded: the result of `load_pairs`.
        batches: batch sizes.
        rounds: number of timed blocks of calls of each.
        keras: role -> function of the Keras half, from arrays by name to arrays by name; None for no
            comparison.
        keras_threads: threads of TensorFlow.
        progress: called with the name of each step.

    Raises:
        InputError: the Keras halves differ from the golden arrays.
    """
    inputs = {role: _golden_inputs(bundle, role) for role in ("encoder", "decoder")}
    runs: dict[tuple[str, str], Run] = {}
    loads = {}
    threads = {}
    timed = [vae for vae in loaded if FORMATS[vae.backend].timed]
    for vae in timed:
        for role, held in vae.artifacts.items():
            file = held["file"]
            runs[role, file] = vae.encode if role == "encoder" else vae.decode
            threads[file] = vae.threads
            loads[file] = partial(FORMATS[vae.backend].open, str(bundle.path / file), vae.threads)
    for role, run in (keras or {}).items():
        _check_keras(bundle, role, run, inputs[role])
        runs[role, KERAS] = run
    calls = {
        (role, name, size): partial(run, _batch(inputs[role], size))
        for (role, name), run in runs.items()
        for size in batches
    }
    with quiet():
        load = interleave(loads, LOAD_ROUNDS, lambda _: progress("loading"))
    times = interleave(calls, rounds, lambda number: progress(f"round {number + 1} of {rounds}"))

    def row(role: str, name: str, threads: int | None, entry: ArtifactEntry | None) -> BenchRow:
        own = {size: times[role, name, size] for size in batches}
        speedup = {size: times[role, KERAS, size].ratio_to(timing) for size, timing in own.items() if keras}
        errors = [figures.max_absolute_error for figures in entry.parity.values()] if entry else []
        return BenchRow(
            role,
            name,
            threads,
            entry.bytes if entry else None,
            load.get(name),
            own,
            speedup,
            max(errors, default=None),
        )

    rows = []
    for role in ("encoder", "decoder"):
        for entry in bundle.artifacts:
            if entry.role == role and entry.file in threads:
                rows.append(row(role, entry.file, threads[entry.file], entry))
        if keras:
            rows.append(row(role, KERAS, keras_threads, None))
    return BenchReport(tuple(rows), describe_machine(), rounds)


def _golden_inputs(bundle: Bundle, role: str) -> dict[str, Array]:
    entry = next(artifact for artifact in bundle.artifacts if artifact.role == role)
    return {tensor.name: bundle.golden(tensor.name).astype(tensor.given_dtype) for tensor in entry.inputs}


def _batch(inputs: Mapping[str, Array], size: int) -> dict[str, Array]:
    return {name: array[np.arange(size) % len(array)] for name, array in inputs.items()}


def _check_keras(bundle: Bundle, role: str, run: Run, inputs: Mapping[str, Array]) -> None:
    """Refuse a model that differs from the golden arrays, before anything is timed."""
    try:
        outputs = run(inputs)
    # TensorFlow and Keras raise many types for inputs that do not fit.
    except Exception as error:
        shapes = ", ".join(f"{name} {array.shape[1:]}" for name, array in inputs.items())
        raise InputError(f"against: its {role} does not take the bundle's {shapes}; {OTHER}") from error
    for name, array in outputs.items():
        golden = bundle.golden(name)
        if array.shape != golden.shape:
            got, expected = array.shape[1:], golden.shape[1:]
            raise InputError(f"against: its {name} has shape {got}, the bundle's {expected}; {OTHER}")
        off = float(np.abs(array - golden).max())
        if not off <= GOLDEN_TOLERANCE * value_scale(golden):
            raise InputError(f"against: its {name} is {off:.2g} from the bundle's golden one; {OTHER}")
