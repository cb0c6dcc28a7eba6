"""The stages and their order: load, split, convert, verify, bundle.

TensorFlow is imported when a stage that needs it begins, so that importing this module, and
checking the arguments, costs nothing.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_export.artifact import FORMATS, Artifact
from vae_export.bundle.golden import golden_count, golden_file, to_bytes
from vae_export.bundle.manifest import MANIFEST_FILE, Latent, Source, build_manifest, check_manifest, to_text
from vae_export.bundle.reader import read_bundle
from vae_export.bundle.writer import check_parent, check_target, write_bundle
from vae_export.convert.opsets import DEFAULT_OPSET, check_opset
from vae_export.errors import ConversionError, InputError, MissingDependencyError, OutputError
from vae_export.quiet import quiet
from vae_export.runtime import HELPERS, helper_bytes, vae_runtime
from vae_export.sources import ModelSource, Samples, find_samples, keras_needed, resolve_model
from vae_export.verify.golden_parity import check_golden
from vae_export.verify.parity import DEFAULT_TOLERANCE, ParityReport

if TYPE_CHECKING:
    from vae_export.split.inspection import Inspection
    from vae_export.split.split_vae import SplitVae
    from vae_export.train.figures import VaeFigures
    from vae_export.train.recipe import Recipe

__all__ = [
    "DEFAULT_OPSET",
    "PRECISIONS",
    "ExportResult",
    "TrainingResult",
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
    batch: int | None = None,
    opset: int = DEFAULT_OPSET,
    tolerance: float = DEFAULT_TOLERANCE,
    calibration: str | Path | Array | None = None,
    runtimes: Sequence[str] = ("python",),
    overwrite: bool = False,
    name: str | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """Export a trained Keras VAE as a verified bundle.

    Args:
        model: a .keras or .h5 file, the name of a reference model, or a Keras model. None is the
            reference model "fashion-mnist-dense".
        output: the directory to make; default ``NAME-bundle`` in the current one.
        formats: "onnx", "tflite" or both.
        precision: "float32".
        batch: a fixed batch size for the files, or None for any.
        opset: of the ONNX files, 13 to 18.
        tolerance: largest absolute error on outputs in [0, 1]; times the range of the values for
            others.
        calibration: real samples of x to verify on: a file, a folder of images, or an array
            ``[n, ...]``; uint8 is scaled to [0, 1]. Default: samples.npz beside the model file; if
            there is none, random values in [0, 1].
        runtimes: languages of the helpers that go into the bundle: "python", "c", "js", "java".
        overwrite: replace an existing bundle.
        name: of the model in the bundle; default from the file, or the Keras model's.
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
    _check_arguments(formats, precision, batch, opset, tolerance, runtimes)
    source = resolve_model(model, name)
    target = Path(output) if output is not None else default_output(source.name)
    check_target(target, overwrite)
    split = _split(source, step)
    samples = find_samples(calibration, source.model, split.x_shape)
    artifacts = _convert(split, formats, batch, opset, step)
    report, golden = _verify(split, artifacts, samples, tolerance, step)
    report.require()
    step("writing the bundle")
    site = split.site
    latent = Latent(
        layer=site.layer_name,
        layer_class=site.layer_class,
        shape=site.latent_shape,
        parametrisation=site.parametrisation,
        parametrisation_source=site.parametrisation_source,
        epsilon_scale=site.epsilon_scale,
    )
    runtime = {language: (HELPERS[language], helper_bytes(language)) for language in runtimes}
    described = Source(source.name, latent, samples.value_range, samples.description, _tool_versions(formats))
    manifest = build_manifest(described, artifacts, report, golden, GOLDEN_SEED, runtime)
    violation = check_manifest(manifest)
    if violation is not None:
        raise ConversionError(f"{MANIFEST_FILE}: {violation}; please report it")
    files = {
        MANIFEST_FILE: to_text(manifest).encode(),
        **{artifact.file: artifact.data for artifact in artifacts},
        **{golden_file(key): to_bytes(array) for key, array in golden.items()},
        **dict(runtime.values()),
    }
    write_bundle(target, files, overwrite)
    return ExportResult(target, manifest, report, split.describe_cut())


def inspect(model: str | Path | Any | None = None, progress: Progress | None = None) -> Inspection:
    """Find out what is in a Keras VAE, and where it would be cut; see `export` for `model`.

    Raises:
        ModelError: the model cannot be loaded, or has no graph of layers.
    """
    step = progress or _silent
    source = resolve_model(model)
    keras_model = _load(source, step)
    step("finding the sampling site")
    with quiet():
        from vae_export.split.inspection import inspect_model

        return inspect_model(keras_model, source.name)


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


def default_output(name: str) -> Path:
    """Where a bundle goes when no place is given."""
    return Path(f"{name}-bundle")


def _check_arguments(
    formats: Sequence[str],
    precision: str,
    batch: int | None,
    opset: int,
    tolerance: float,
    runtimes: Sequence[str],
) -> None:
    unknown = [format for format in formats if format not in FORMATS]
    if unknown or not formats:
        raise InputError(f"format: got {', '.join(unknown) or 'none'}, expected {' or '.join(FORMATS)}")
    if precision not in PRECISIONS:
        raise InputError(f"precision: got {precision!r}, expected {' or '.join(PRECISIONS)}")
    if batch is not None and batch < 1:
        raise InputError(f"batch: got {batch}, expected at least 1, or dynamic")
    check_opset(opset)
    unknown = [language for language in runtimes if language not in HELPERS]
    if unknown:
        raise InputError(f"runtime: got {', '.join(unknown)}, expected {', '.join(HELPERS)}")
    if not 0 < tolerance < math.inf:
        raise InputError(f"tolerance: got {tolerance}, expected a finite number above 0")


def _load(source: ModelSource, step: Progress) -> Any:
    step("loading TensorFlow and the model")
    with quiet():
        return source.load()


def _split(source: ModelSource, step: Progress) -> SplitVae:
    keras_model = _load(source, step)
    step("finding the sampling site")
    with quiet(), keras_needed():
        from vae_export.split.split_vae import split

        return split(keras_model, source.name)


def _convert(
    split: SplitVae, formats: Sequence[str], batch: int | None, opset: int, step: Progress
) -> list[Artifact]:
    artifacts = []
    halves = {"encoder": split.encoder, "decoder": split.decoder}
    for format in (known for known in FORMATS if known in formats):
        for role, half in halves.items():
            step(f"converting {role}.{format}")
            if format == "onnx":
                with quiet():
                    from vae_export.convert.onnx_artifact import convert_to_onnx
                artifacts.append(convert_to_onnx(half, role, name=split.name, opset=opset, batch=batch))
            else:
                with quiet():
                    from vae_export.convert.tflite_artifact import convert_to_tflite
                artifacts.append(convert_to_tflite(half, role, batch=batch))
    return artifacts


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
    reference = Reference.compute(
        KerasRunner(split.encoder),
        decoder,
        samples.x,
        seed=GOLDEN_SEED,
        epsilon_scale=split.site.epsilon_scale,
    )
    report = verify_artifacts(
        artifacts,
        reference,
        value_range=samples.value_range or (0.0, 1.0),
        tolerance=tolerance,
        progress=lambda file: step(f"verifying {file}"),
    )
    count = min(golden_count(int(np.prod(split.x_shape))), len(samples.x))
    shape = split.site.latent_shape
    prior = vae_runtime.normal(GOLDEN_SEED, 0, 0, count * int(np.prod(shape))).reshape(count, *shape)
    golden = {
        name: getattr(reference, name)[:count]
        for name in ("x", "epsilon", "mu", "logvar", "z", "reconstruction")
    }
    return report, {**golden, "generated": decoder.run({"z": prior})["reconstruction"]}


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
