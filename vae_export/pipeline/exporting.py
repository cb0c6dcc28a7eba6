"""Export: load, split, convert, quantise, verify, bundle."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_export.bundle.golden import golden_count, golden_file, to_bytes
from vae_export.bundle.manifest import MANIFEST_FILE, Source, build_manifest, check_manifest, to_text
from vae_export.bundle.writer import check_target, write_bundle
from vae_export.core.artifact import FORMATS, ORT_PRECISIONS, PRECISIONS, Artifact
from vae_export.core.firmware import Firmware
from vae_export.errors import ConversionError, InputError
from vae_export.formats.onnx.opsets import DEFAULT_OPSET, check_opset
from vae_export.io.quiet import quiet
from vae_export.pipeline.choosing import AUTO, Candidate
from vae_export.pipeline.microcontroller import check_operators, firmware_of, resolve_target
from vae_export.pipeline.quantising import MOST_SAMPLES, judge, make_plan, quantise, reference_of
from vae_export.pipeline.stages import Progress, cut_halves, cut_options, in_float32, load_keras, silent
from vae_export.runtime import HELPERS, helper_bytes
from vae_export.runtime.draws import draw_prior
from vae_export.sources.resolve import SAMPLE_COUNT, ModelSource, Samples, find_samples, resolve_model
from vae_export.verify.parity import DEFAULT_TOLERANCE, ParityReport

if TYPE_CHECKING:
    from vae_export.split.split_vae import SplitVae
    from vae_export.verify.fidelity import Loss
    from vae_export.verify.gate import Reference

__all__ = ["ExportResult", "default_output", "export"]

Array = np.ndarray[Any, Any]

GOLDEN_SEED = 7
TOOLS = (
    "vae-export",
    "tensorflow",
    "keras",
    "numpy",
    "tf2onnx",
    "onnx",
    "onnxslim",
    "onnxruntime",
    "ai-edge-litert",
    "tflite-micro",
)


@dataclass(frozen=True)
class ExportResult:
    """A finished export.

    Attributes:
        path: the bundle.
        manifest: its manifest.json.
        report: what was verified.
        loss: what the lower precisions cost.
        candidates: what was tried for the precision "auto".
        cut: what was cut out, in one line.
    """

    path: Path
    manifest: Mapping[str, Any]
    report: ParityReport
    loss: Loss
    candidates: tuple[Candidate, ...]
    cut: str


def export(
    model: str | Path | Any | None = None,
    output: str | Path | None = None,
    *,
    formats: str | Sequence[str] | None = None,
    precision: str | Sequence[str] | None = None,
    batch: int | Sequence[int] | str | None = None,
    target: str | None = None,
    opset: int = DEFAULT_OPSET,
    ort: bool = False,
    tolerance: float = DEFAULT_TOLERANCE,
    calibration: str | Path | Array | Mapping[str, Array] | None = None,
    integer_io: bool = False,
    min_psnr: float | None = None,
    max_kl: float | None = None,
    prefer: str | None = None,
    runtimes: Sequence[str] = ("python",),
    overwrite: bool = False,
    name: str | None = None,
    encoder: str | Path | Any | None = None,
    decoder: str | Path | Any | None = None,
    weights: str | Path | None = None,
    custom_objects: str | Path | Mapping[str, Any] | None = None,
    parametrisation: str | None = None,
    input_shape: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """Export a trained Keras VAE as a verified bundle.

    Args:
        model: a .keras or .h5 file, the name of a reference model, ``package.module:attribute`` (a model, or
            a function that returns one), or a Keras model: functional, or subclassed with a call() of layers
            and keras.ops or with `encoder` and `decoder`. None is the reference model "fashion-mnist-dense".
        output: the directory to make; default ``NAME-bundle`` in the current one.
        formats: "onnx", "tflite" or both; default both.
        precision: of `artifact.PRECISIONS`, one or several, default "float32"; or "auto" for what is smallest
            within the budget.
        batch: batch sizes that .tflite files have signatures for, while .onnx files take any; one number
            fixes both, and "dynamic" leaves both open. Default `artifact.DEFAULT_BATCHES`.
        target: "mcu" for microcontrollers: int8 .tflite files of batch 1, which are run in TensorFlow Lite
            Micro, and C++ source of them. It decides formats, precision and batch.
        opset: of the ONNX files, 13 to 18.
        ort: also make .ort files of float32 and int8, and required_operators.config, for reduced builds of
            ONNX Runtime.
        tolerance: largest absolute error on outputs in [0, 1]; times the range of the values for
            others.
        calibration: real samples of x to verify on, and for ranges of integers: a file, a folder of images,
            or an array ``[n, ...]``; uint8 is scaled to [0, 1]. Default: samples.npz beside the model
            file; if there is none, random values in [0, 1], which do not do for integers.
        integer_io: int8 files take and give int8.
        min_psnr: of decoders of lower precisions, dB; default by precision.
        max_kl: of encoders of lower precisions, nats; default by precision.
        prefer: with "auto", "size" or "speed" (the fastest here).
        runtimes: languages of the helpers that go into the bundle: "python", "c", "js", "java".
        overwrite: replace an existing bundle.
        name: of the model in the bundle; default from the file, or the Keras model's.
        encoder, decoder: instead of a model two files, or two Keras models.
        weights: a file to load into the model, where that is ``package.module:attribute``.
        custom_objects: classes that the file needs: by name, or the file or module that defines them.
        parametrisation: what the sampling layer gets beside mu, where its code is not at hand; one of
            `PARAMETRISATION_NAMES`.
        input_shape: of one x, where the model leaves sizes open.
        progress: called with the name of each step.

    Returns:
        The bundle's path, manifest and parity report.

    Raises:
        InputError: an argument, the model or the output is wrong; the subclass says which.
        MissingDependencyError: what the target needs is not installed.
        ConversionError: a half cannot be converted, or does not run on the target.
        ParityError: a converted half does not match Keras, a lower precision costs too much, or TensorFlow
            Lite Micro computes something else than LiteRT; nothing has been written.
    """
    step = progress or silent
    formats, precision, batch = resolve_target(target, formats, precision, batch)
    batches = _batches(batch)
    _check_arguments(formats, opset, tolerance, runtimes)
    plan = make_plan(
        precision,
        formats,
        min_psnr=min_psnr,
        max_kl=max_kl,
        prefer=prefer,
        integer_io=integer_io,
    )
    if ort and "onnx" not in formats:
        raise InputError(
            f"ort: got the format {', '.join(formats)}, expected onnx too; .ort files are made of it"
        )
    if ort and plan.precisions != (AUTO,):
        _check_ort(plan.precisions)
    source = resolve_model(
        model,
        name,
        encoder=encoder,
        decoder=decoder,
        weights=weights,
        custom_objects=custom_objects,
    )
    cut = cut_options(parametrisation, input_shape)
    place = Path(output) if output is not None else default_output(source.name)
    check_target(place, overwrite)
    with in_float32(load_keras(source, step)) as keras_model:
        split = cut_halves(keras_model, source.name, cut, step)
        samples = _find_samples(calibration, source, split, MOST_SAMPLES if plan.budgets else SAMPLE_COUNT)
        with quiet():
            from vae_export.formats.halves import convert_halves, convert_to_reduced
        artifacts = convert_halves(
            {"encoder": split.encoder, "decoder": split.decoder},
            name=split.name,
            formats=formats,
            batches=batches,
            opset=opset,
            progress=step,
        )
        artifacts, candidates = quantise(split, artifacts, plan, samples, batches, step)
        if target is not None:
            check_operators(artifacts)
        if ort:
            _check_ort([artifact.precision for artifact in artifacts])
            artifacts += convert_to_reduced(artifacts, step)
        artifacts.sort(key=_place)
        reference = reference_of(split, samples, slice(SAMPLE_COUNT), GOLDEN_SEED)
        report, loss = judge(
            artifacts, reference, split, samples, tolerance=tolerance, budgets=plan.budgets, progress=step
        )
        golden = _golden_arrays(reference)
        firmware = None if target is None else firmware_of(artifacts, reference, source.name, step)
    step("writing the bundle")
    runtime = {language: (HELPERS[language], helper_bytes(language)) for language in runtimes}
    reduced_build = _reduced_build(artifacts) if ort else {}
    described = Source(
        source.name,
        split.latents,
        samples.value_range,
        samples.description,
        _tool_versions(formats, firmware),
    )
    manifest = build_manifest(
        described, artifacts, report, loss, golden, GOLDEN_SEED, runtime, reduced_build, firmware
    )
    violation = check_manifest(manifest)
    if violation is not None:
        raise ConversionError(f"{MANIFEST_FILE}: {violation}; please report it")
    files = {
        MANIFEST_FILE: to_text(manifest).encode(),
        **{artifact.file: artifact.data for artifact in artifacts},
        **{golden_file(key): to_bytes(array) for key, array in golden.items()},
        **dict(runtime.values()),
        **reduced_build,
        **{file: data for entry in firmware or () for file, data in entry.files.items()},
    }
    write_bundle(place, files, overwrite)
    return ExportResult(place, manifest, report, loss, tuple(candidates), split.describe_cut())


def _check_ort(precisions: Sequence[str]) -> None:
    if not set(precisions) & set(ORT_PRECISIONS):
        got = ", ".join(dict.fromkeys(precisions))
        raise InputError(f"ort: got the precision {got}, expected {' or '.join(ORT_PRECISIONS)} too")


def _place(artifact: Artifact) -> tuple[int, int, bool]:
    """Where an artifact stands: by format, then by precision, the encoder first."""
    format = (*FORMATS, "ort").index(artifact.format)
    return format, list(PRECISIONS).index(artifact.precision), artifact.role == "decoder"


def default_output(name: str) -> Path:
    """Where a bundle goes when no place is given."""
    return Path(f"{name}-bundle")


def _check_arguments(
    formats: Sequence[str],
    opset: int,
    tolerance: float,
    runtimes: Sequence[str],
) -> None:
    unknown = [format for format in formats if format not in FORMATS]
    if unknown or not formats:
        raise InputError(f"format: got {', '.join(unknown) or 'none'}, expected {' or '.join(FORMATS)}")
    check_opset(opset)
    unknown = [language for language in runtimes if language not in HELPERS]
    if unknown:
        raise InputError(f"runtime: got {', '.join(unknown)}, expected {', '.join(HELPERS)}")
    if not 0 < tolerance < math.inf:
        raise InputError(f"tolerance: got {tolerance}, expected a finite number above 0")


def _batches(batch: int | Sequence[int] | str) -> tuple[int, ...] | None:
    """The signatures of .tflite files, ascending; None for any batch."""
    if batch == "dynamic":
        return None
    sizes = (batch,) if isinstance(batch, int) else batch
    if not sizes or not all(isinstance(size, int) and size >= 1 for size in sizes):
        raise InputError(f"batch: got {batch}, expected numbers of at least 1, or dynamic")
    return tuple(sorted({int(size) for size in sizes}))


def _find_samples(
    calibration: str | Path | Array | Mapping[str, Array] | None,
    source: ModelSource,
    split: SplitVae,
    most: int,
) -> Samples:
    from vae_export.split.example_inputs import random_array

    def random(name: str, rows: int) -> Array:
        return random_array(split.graph, split.inputs[name], rows, np.random.default_rng(0))

    return find_samples(calibration, source.model, split.inputs, random, most)


def _reduced_build(artifacts: Sequence[Artifact]) -> dict[str, bytes]:
    from vae_export.formats.ort.convert import OPERATORS_FILE, required_operators

    return {OPERATORS_FILE: required_operators([entry for entry in artifacts if entry.format == "ort"])}


def _golden_arrays(reference: Reference) -> dict[str, Array]:
    """The first rows of what was compared, and images of the prior."""
    x = reference.encoder_inputs["x"]
    count = min(golden_count(int(np.prod(x.shape[1:]))), len(x))
    prior = draw_prior(reference.latents, count, GOLDEN_SEED)
    conditions = {name: array[:count] for name, array in reference.conditions.items()}
    generated = reference.decoder.run({**prior, **conditions})
    return {
        **{
            name: array[:count]
            for arrays in (
                reference.encoder_inputs,
                reference.conditions,
                reference.posterior,
                reference.z,
                reference.outputs,
            )
            for name, array in arrays.items()
        },
        **{latent.epsilon: prior[latent.z] for latent in reference.latents},
        **{
            "generated" if len(generated) == 1 else f"generated_{name}": array
            for name, array in generated.items()
        },
    }


def _tool_versions(formats: Sequence[str], firmware: Sequence[Firmware] | None) -> dict[str, str]:
    unused = set() if "onnx" in formats else {"tf2onnx", "onnx", "onnxslim", "onnxruntime"}
    if "tflite" not in formats:
        unused.add("ai-edge-litert")
    if firmware is None:
        unused.add("tflite-micro")
    return {tool: _version(tool) for tool in TOOLS if tool not in unused}


def _version(tool: str) -> str:
    """Version of a distribution, or of the variant of it that is installed (tensorflow-cpu, ...)."""
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        module = tool.replace("-", "_")
        variants = importlib.metadata.packages_distributions().get(module, [])
        return importlib.metadata.version(variants[0]) if variants else "unknown"
