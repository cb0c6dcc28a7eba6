"""Verify, benchmark and explain a bundle, without the Keras model."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_export.bundle.reader import read_bundle
from vae_export.errors import InputError, MissingDependencyError
from vae_export.formats.loading import load_vae
from vae_export.io.quiet import quiet
from vae_export.io.results import check_file, file_result
from vae_export.pipeline.stages import Progress, cut_halves, in_float32, load_model, silent
from vae_export.runtime.python import vae_runtime
from vae_export.sources.keras_needed import keras_needed
from vae_export.sources.resolve import resolve_model
from vae_export.verify.golden_parity import check_golden
from vae_export.verify.parity import ParityReport

if TYPE_CHECKING:
    from vae_export.bench.bundle_bench import BenchReport
    from vae_export.explain.explanation import Explanation

__all__ = ["bench", "explain", "verify"]


def verify(bundle: str | Path) -> ParityReport:
    """Check the hashes of a bundle, and compare its artifacts with its golden arrays.

    Needs the runtimes of the formats in the bundle, and no TensorFlow.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
        MissingDependencyError: a runtime is not installed.
    """
    held = read_bundle(Path(bundle))
    golden = held.golden_arrays()
    rows = []
    for format, precision in held.pairs:
        try:
            vae = load_vae(held.path, format, precision=precision)
        except vae_runtime.VaeRuntimeError as error:
            raise MissingDependencyError(str(error)) from error
        rows += check_golden(held.manifest, vae, golden)
    return ParityReport(tuple(rows))


def bench(
    bundle: str | Path,
    output: str | Path | None = None,
    *,
    against: str | Path | Any | None = None,
    custom_objects: str | Path | Mapping[str, Any] | None = None,
    batch: Sequence[int] = (1, 64),
    threads: int | None = None,
    rounds: int = 30,
    progress: Progress | None = None,
) -> BenchReport:
    """Time the artifacts of a bundle, interleaved, on its golden inputs.

    Args:
        bundle: the directory.
        output: a .png for a bar chart; None for no chart.
        against: the model of the bundle, to time it too; see `model` of `export`.
        custom_objects: classes of that model.
        batch: batch sizes.
        threads: threads of the runtimes and of TensorFlow; None for the choice of `load`.
        rounds: number of timed blocks of calls for each artifact and batch size, at least 2.
        progress: called with the name of each step.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
        InputError: an argument is wrong, or `against` is another model.
        OutputError: `output` cannot be written.
        VaeRuntimeError: a runtime is not installed, or there cannot be so many threads.
    """
    step = progress or silent
    chart = None if output is None else Path(output)
    if chart is not None:
        check_file(chart, ".png")
    if not batch or min(batch) < 1:
        raise InputError(f"batch: got {tuple(batch)}, expected numbers of at least 1")
    if rounds < 2:
        raise InputError(f"rounds: got {rounds}, expected at least 2")
    from vae_export.bench.bundle_bench import bench_bundle, load_pairs

    held = read_bundle(Path(bundle))
    loaded = load_pairs(held, threads)
    measure = functools.partial(bench_bundle, held, loaded, batches=batch, rounds=rounds, progress=step)
    if against is None:
        report = measure()
    else:
        source = resolve_model(against, custom_objects=custom_objects)
        with quiet(), keras_needed():
            from vae_export.bench.keras_half import compiled, set_threads
        keras_threads = set_threads(loaded[0].threads)
        with in_float32(load_model(source, step)) as keras_model:
            split = cut_halves(keras_model, source.name, {}, step)
            halves = {"encoder": compiled(split.encoder), "decoder": compiled(split.decoder)}
            report = measure(keras=halves, keras_threads=keras_threads)
    if chart is not None:
        from vae_export.bench.chart import draw_chart

        with file_result(chart, ".png") as write:
            write(draw_chart(report))
    return report


def explain(
    bundle: str | Path,
    artifact: str,
    output: str | Path | None = None,
    *,
    count: int = 8,
    progress: Progress | None = None,
) -> Explanation:
    """Find the layers in which an artifact of a lower precision loses accuracy, and its worst samples.

    The artifact is compared with the float32 file of its role and format in the bundle, on the golden inputs;
    decoders also on draws from the prior. Needs no TensorFlow.

    Args:
        bundle: the directory.
        artifact: the file in the bundle, such as "decoder.int8.tflite".
        output: a .png for a decoder's worst images; None for no picture.
        count: number of worst samples, at least 1.
        progress: called with the name of each step.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
        InputError: there is no such artifact, or its float32 twin is missing.
        MissingDependencyError: a runtime is not installed.
        OutputError: `output` cannot be written.
    """
    if output is not None:
        check_file(Path(output), ".png")
    if count < 1:
        raise InputError(f"count: got {count}, expected at least 1")
    from vae_export.explain.explanation import explain_artifact
    from vae_export.explain.picture import with_picture

    found = explain_artifact(read_bundle(Path(bundle)), artifact, count, progress or silent)
    return found if output is None else with_picture(found, Path(output))
