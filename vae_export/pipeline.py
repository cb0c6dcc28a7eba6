"""The stages and their order: load, split, convert, verify, bundle.

TensorFlow is imported when a stage that needs it begins, so that importing this module, and
checking the arguments, costs nothing.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_export.artifact import DEFAULT_BATCHES, FORMATS, Artifact
from vae_export.bundle.golden import golden_count, golden_file, to_bytes
from vae_export.bundle.manifest import MANIFEST_FILE, Source, build_manifest, check_manifest, to_text
from vae_export.bundle.reader import read_bundle
from vae_export.bundle.writer import check_parent, check_target, write_bundle
from vae_export.convert.opsets import DEFAULT_OPSET, check_opset
from vae_export.errors import ConversionError, InputError, MissingDependencyError, OutputError
from vae_export.latent import PARAMETRISATION_NAMES
from vae_export.quiet import quiet
from vae_export.runtime import HELPERS, helper_bytes, vae_runtime
from vae_export.sources import ModelSource, Samples, find_samples, keras_needed, resolve_model
from vae_export.verify.draws import draw_prior
from vae_export.verify.golden_parity import check_golden
from vae_export.verify.parity import DEFAULT_TOLERANCE, ParityReport

if TYPE_CHECKING:
    from vae_export.bench.bundle_bench import BenchReport
    from vae_export.split.inspection import Inspection
    from vae_export.split.split_vae import SplitVae
    from vae_export.train.figures import VaeFigures
    from vae_export.train.recipe import Recipe
    from vae_export.verify.gate import Reference

__all__ = [
    "DEFAULT_OPSET",
    "PRECISIONS",
    "ExportResult",
    "TrainingResult",
    "bench_bundle",
    "default_output",
    "export",
    "inspect",
    "train",
    "verify_bundle",
]

Array = np.ndarray[Any, Any]
Progress = Callable[[str], None]

PRECISIONS = ("float32",)
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
)


@dataclass(frozen=True)
class ExportResult:
    """A finished export.

    Attributes:
        path: the bundle.
        manifest: its manifest.json.
        report: what was verified.
        cut: what was cut out, in one line.
    """

    path: Path
    manifest: Mapping[str, Any]
    report: ParityReport
    cut: str


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Attributes:
        model: the .keras file.
        figures: on the test images.
        epochs: how many were finished.
        best_epoch: the one whose weights were kept; 0 if none was finished.
        interrupted: whether Ctrl-C ended it early.
    """

    model: Path
    figures: VaeFigures
    epochs: int
    best_epoch: int
    interrupted: bool


def export(
    model: str | Path | Any | None = None,
    output: str | Path | None = None,
    *,
    formats: str | Sequence[str] = FORMATS,
    precision: str = "float32",
    batch: int | Sequence[int] | str = DEFAULT_BATCHES,
    opset: int = DEFAULT_OPSET,
    ort: bool = False,
    tolerance: float = DEFAULT_TOLERANCE,
    calibration: str | Path | Array | Mapping[str, Array] | None = None,
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
        formats: "onnx", "tflite" or both.
        precision: "float32".
        batch: batch sizes that .tflite files have signatures for, while .onnx files take any; one number
            fixes both, and "dynamic" leaves both open.
        opset: of the ONNX files, 13 to 18.
        ort: also make .ort files, and required_operators.config, for reduced builds of ONNX Runtime.
        tolerance: largest absolute error on outputs in [0, 1]; times the range of the values for
            others.
        calibration: real samples of x to verify on: a file, a folder of images, or an array
            ``[n, ...]``; uint8 is scaled to [0, 1]. Default: samples.npz beside the model file; if
            there is none, random values in [0, 1].
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
        ConversionError: a half cannot be converted.
        ParityError: a converted half does not match Keras; nothing has been written.
    """
    step = progress or _silent
    formats = (formats,) if isinstance(formats, str) else formats
    batches = _batches(batch)
    _check_arguments(formats, precision, opset, tolerance, runtimes)
    if ort and "onnx" not in formats:
        raise InputError(
            f"ort: got the format {', '.join(formats)}, expected onnx too; .ort files are made of it"
        )
    source = resolve_model(
        model,
        name,
        encoder=encoder,
        decoder=decoder,
        weights=weights,
        custom_objects=custom_objects,
    )
    cut = _cut_options(parametrisation, input_shape)
    target = Path(output) if output is not None else default_output(source.name)
    check_target(target, overwrite)
    with _float32(_load(source, step)) as keras_model:
        split = _split(keras_model, source.name, cut, step)
        samples = _find_samples(calibration, source, split)
        with quiet():
            from vae_export.convert.halves import convert_halves
        artifacts = convert_halves(
            {"encoder": split.encoder, "decoder": split.decoder},
            name=split.name,
            formats=formats,
            batches=batches,
            opset=opset,
            ort=ort,
            progress=step,
        )
        report, golden = _verify(split, artifacts, samples, tolerance, step)
    report.require()
    step("writing the bundle")
    runtime = {language: (HELPERS[language], helper_bytes(language)) for language in runtimes}
    reduced_build = _reduced_build(artifacts) if ort else {}
    described = Source(
        source.name, split.latents, samples.value_range, samples.description, _tool_versions(formats)
    )
    manifest = build_manifest(described, artifacts, report, golden, GOLDEN_SEED, runtime, reduced_build)
    violation = check_manifest(manifest)
    if violation is not None:
        raise ConversionError(f"{MANIFEST_FILE}: {violation}; please report it")
    files = {
        MANIFEST_FILE: to_text(manifest).encode(),
        **{artifact.file: artifact.data for artifact in artifacts},
        **{golden_file(key): to_bytes(array) for key, array in golden.items()},
        **dict(runtime.values()),
        **reduced_build,
    }
    write_bundle(target, files, overwrite)
    return ExportResult(target, manifest, report, split.describe_cut())


def inspect(
    model: str | Path | Any | None = None,
    *,
    encoder: str | Path | Any | None = None,
    decoder: str | Path | Any | None = None,
    weights: str | Path | None = None,
    custom_objects: str | Path | Mapping[str, Any] | None = None,
    parametrisation: str | None = None,
    input_shape: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Find out what is in a Keras VAE, and where it would be cut; see `export` for the arguments.

    Raises:
        ModelError: the model cannot be loaded, or has no graph of layers.
    """
    step = progress or _silent
    source = resolve_model(
        model, encoder=encoder, decoder=decoder, weights=weights, custom_objects=custom_objects
    )
    cut = _cut_options(parametrisation, input_shape)
    keras_model = _load(source, step)
    step("finding the sampling site")
    with quiet():
        from vae_export.split.inspection import inspect_model

        with _float32(keras_model):
            return inspect_model(keras_model, source.name, **cut)


def _cut_options(parametrisation: str | None, input_shape: Sequence[int] | None) -> dict[str, Any]:
    if parametrisation is not None and parametrisation not in PARAMETRISATION_NAMES:
        raise InputError(
            f"parametrisation: got {parametrisation!r}, expected {', '.join(PARAMETRISATION_NAMES)}"
        )
    if input_shape is not None and not (input_shape and all(size >= 1 for size in input_shape)):
        raise InputError(f"input shape: got {list(input_shape)}, expected sizes of at least 1")
    return {"parametrisation": parametrisation, "x_shape": tuple(input_shape) if input_shape else None}


def train(
    recipe: Recipe,
    output: str | Path,
    *,
    data: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int, int, int, dict[str, float]], None] | None = None,
) -> TrainingResult:
    """Train a reference VAE and write its folder.

    Args:
        recipe: architecture, loss and schedule.
        output: the folder to make.
        data: images; see `train.data.load_images`. Default Fashion-MNIST.
        overwrite: replace the files of a training that lies there.
        progress: see `train.fit.fit`.

    Raises:
        InputError: the recipe, the data or the output is wrong; the subclass says which.
    """
    folder = Path(output)
    _check_model_folder(folder, overwrite)
    from vae_export.train.data import load_images

    with quiet(), keras_needed():
        images = load_images(Path(data) if data is not None else None)
        from vae_export.train.fit import fit
        from vae_export.train.model_folder import write_model_folder
    run = fit(recipe, images, progress)
    figures = write_model_folder(folder, recipe, images, run)
    return TrainingResult(folder / "model.keras", figures, len(run.history), run.best_epoch, run.interrupted)


def _check_model_folder(folder: Path, overwrite: bool) -> None:
    if folder.exists():
        if not overwrite:
            raise OutputError(f"{folder}: exists already; choose another place with -o, or give --overwrite")
        if not (folder / "recipe.json").is_file():
            raise OutputError(
                f"{folder}: is no folder of a training (no recipe.json), so --overwrite leaves it alone"
            )
    check_parent(folder)


def _silent(_: str) -> None:
    """Progress that nobody watches."""


def verify_bundle(path: str | Path) -> ParityReport:
    """Check the hashes of a bundle and hold its artifacts against its golden arrays.

    Needs the runtimes of the formats in the bundle, and no TensorFlow.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
        MissingDependencyError: a runtime is not installed.
    """
    bundle = read_bundle(Path(path))
    golden = {name: bundle.golden(name) for name in bundle.manifest["golden"]["arrays"]}
    rows = []
    for format in dict.fromkeys(artifact["format"] for artifact in bundle.artifacts):
        try:
            vae = vae_runtime.load(bundle.path, backend=format)
        except vae_runtime.VaeRuntimeError as error:
            raise MissingDependencyError(str(error)) from error
        rows += check_golden(vae, golden)
    return ParityReport(tuple(rows))


def bench_bundle(
    path: str | Path,
    *,
    against: str | Path | Any | None = None,
    custom_objects: str | Path | Mapping[str, Any] | None = None,
    batches: Sequence[int] = (1, 64),
    threads: int | None = None,
    rounds: int = 30,
    progress: Progress | None = None,
) -> BenchReport:
    """Measure the artifacts of a bundle, in turn, on its golden inputs.

    Args:
        path: the bundle.
        against: the model it was made from, to be measured beside; see `export` for what it may be.
        custom_objects: classes that its file needs.
        batches: sizes of a call's batch.
        threads: of the runtimes and of TensorFlow; None as `load` chooses.
        rounds: how many blocks of calls of each artifact and batch are timed, at least 2.
        progress: called with the name of each step.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
        InputError: an argument is wrong, or `against` is another model.
        VaeRuntimeError: a runtime is not installed, or there cannot be so many threads.
    """
    step = progress or _silent
    if not batches or min(batches) < 1:
        raise InputError(f"batch: got {tuple(batches)}, expected numbers of at least 1")
    if rounds < 2:
        raise InputError(f"rounds: got {rounds}, expected at least 2")
    from vae_export.bench.bundle_bench import bench, load_backends

    bundle = read_bundle(Path(path))
    backends = load_backends(bundle, threads)
    measure = functools.partial(bench, bundle, backends, batches=batches, rounds=rounds, progress=step)
    if against is None:
        return measure()
    source = resolve_model(against, custom_objects=custom_objects)
    with quiet(), keras_needed():
        from vae_export.bench.keras_half import compiled, set_threads
    keras_threads = set_threads(next(iter(backends.values())).threads)
    with _float32(_load(source, step)) as keras_model:
        split = _split(keras_model, source.name, {}, step)
        halves = {"encoder": compiled(split.encoder), "decoder": compiled(split.decoder)}
        return measure(keras=halves, keras_threads=keras_threads)


def default_output(name: str) -> Path:
    """Where a bundle goes when no place is given."""
    return Path(f"{name}-bundle")


def _check_arguments(
    formats: Sequence[str],
    precision: str,
    opset: int,
    tolerance: float,
    runtimes: Sequence[str],
) -> None:
    unknown = [format for format in formats if format not in FORMATS]
    if unknown or not formats:
        raise InputError(f"format: got {', '.join(unknown) or 'none'}, expected {' or '.join(FORMATS)}")
    if precision not in PRECISIONS:
        raise InputError(f"precision: got {precision!r}, expected {' or '.join(PRECISIONS)}")
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


def _load(source: ModelSource, step: Progress) -> Any:
    step("loading TensorFlow and the model")
    with quiet():
        return source.load()


@contextlib.contextmanager
def _float32(keras_model: Any) -> Iterator[Any]:
    with keras_needed():
        from vae_export.split.float32 import computing_in_float32
        from vae_export.split.pair import Pair
    models = (keras_model.encoder, keras_model.decoder) if isinstance(keras_model, Pair) else (keras_model,)
    with computing_in_float32(*models):
        yield keras_model


def _split(keras_model: Any, name: str, options: Mapping[str, Any], step: Progress) -> SplitVae:
    step("finding the sampling site")
    with quiet():
        from vae_export.split.split_vae import split

        return split(keras_model, name, **options)


def _find_samples(
    calibration: str | Path | Array | Mapping[str, Array] | None, source: ModelSource, split: SplitVae
) -> Samples:
    from vae_export.split.example_inputs import random_array

    def random(name: str, rows: int) -> Array:
        return random_array(split.graph, split.inputs[name], rows, np.random.default_rng(0))

    return find_samples(calibration, source.model, split.inputs, random)


def _reduced_build(artifacts: Sequence[Artifact]) -> dict[str, bytes]:
    from vae_export.convert.ort_artifact import OPERATORS_FILE, required_operators

    return {OPERATORS_FILE: required_operators([entry for entry in artifacts if entry.format == "ort"])}


def _verify(
    split: SplitVae,
    artifacts: Sequence[Artifact],
    samples: Samples,
    tolerance: float,
    step: Progress,
) -> tuple[ParityReport, dict[str, Array]]:
    from vae_export.verify.gate import Reference, verify_artifacts
    from vae_export.verify.keras_runner import KerasRunner

    decoder = KerasRunner(split.decoder)
    conditions = {name: samples.arrays[name] for name in split.decoder.inputs if name in samples.arrays}
    reference = Reference.compute(
        KerasRunner(split.encoder),
        decoder,
        split.latents,
        {name: samples.arrays[name] for name in split.encoder.inputs},
        conditions,
        GOLDEN_SEED,
    )
    report = verify_artifacts(
        artifacts,
        reference,
        value_range=samples.value_range or (0.0, 1.0),
        tolerance=tolerance,
        progress=lambda file: step(f"verifying {file}"),
    )
    return report, _golden_arrays(reference)


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


def _tool_versions(formats: Sequence[str]) -> dict[str, str]:
    unused = set() if "onnx" in formats else {"tf2onnx", "onnx", "onnxslim", "onnxruntime"}
    if "tflite" not in formats:
        unused.add("ai-edge-litert")
    return {tool: _version(tool) for tool in TOOLS if tool not in unused}


def _version(tool: str) -> str:
    """Version of a distribution, or of the variant of it that is installed (tensorflow-cpu, ...)."""
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        module = tool.replace("-", "_")
        variants = importlib.metadata.packages_distributions().get(module, [])
        return importlib.metadata.version(variants[0]) if variants else "unknown"
