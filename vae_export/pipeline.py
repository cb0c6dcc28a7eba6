"""The stages and their order: load, split, convert, verify, bundle.

TensorFlow is imported when a stage that needs it begins, so that importing this module, and
checking the arguments, costs nothing.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_export.arrays import check_x, read_array
from vae_export.artifact import FORMATS, Artifact
from vae_export.bundle.golden import golden_count, golden_file, to_bytes
from vae_export.bundle.manifest import MANIFEST_FILE, Latent, Source, build_manifest, to_text
from vae_export.bundle.reader import read_bundle
from vae_export.bundle.writer import check_parent, check_target, write_bundle
from vae_export.convert.opsets import DEFAULT_OPSET, check_opset
from vae_export.errors import InputError, MissingDependencyError, ModelError, OutputError
from vae_export.quiet import quiet
from vae_export.reference_models import DEFAULT_MODEL, reference_model, reference_models
from vae_export.runtime import vae_runtime
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
DEFAULT_OPSET = 17
GOLDEN_SEED = 7
VERIFIED_SAMPLES = 64
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
    formats: Sequence[str] = FORMATS,
    precision: str = "float32",
    batch: int | None = None,
    opset: int = DEFAULT_OPSET,
    tolerance: float = DEFAULT_TOLERANCE,
    calibration: str | Path | Array | None = None,
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
    _check_arguments(formats, precision, batch, opset, tolerance)
    source, name = _resolve(model, name)
    target = Path(output) if output is not None else default_output(name)
    check_target(target, overwrite)
    keras_model = _load(source, step)
    step("finding the sampling site")
    with quiet():
        from vae_export.split.split_vae import split as split_vae

        split = split_vae(keras_model, name)
    x, samples, value_range = _samples(calibration, source, split.x_shape)
    artifacts = _convert(split, formats, batch, opset, step)
    report, golden = _verify(split, artifacts, x, value_range or (0.0, 1.0), tolerance, step)
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
    helper = Path(vae_runtime.__file__)
    runtime = {"python": (helper.name, helper.read_bytes())}
    described = Source(name, latent, value_range, samples, _tool_versions(formats))
    manifest = build_manifest(described, artifacts, report, golden, GOLDEN_SEED, runtime)
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
    source, name = _resolve(model, None)
    keras_model = _load(source, step)
    step("finding the sampling site")
    with quiet():
        from vae_export.split.inspection import inspect_model

        return inspect_model(keras_model, name)


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
        overwrite: write into a folder that exists.
        progress: see `train.fit.fit`.

    Raises:
        InputError: the recipe, the data or the output is wrong; the subclass says which.
    """
    folder = Path(output)
    if folder.exists() and not (overwrite and folder.is_dir()):
        raise OutputError(f"{folder}: exists already; choose another place with -o, or give --overwrite")
    check_parent(folder)
    from vae_export.train.data import load_images

    with quiet():
        images = load_images(Path(data) if data is not None else None)
        _import_tensorflow()
        from vae_export.train.fit import fit
        from vae_export.train.model_folder import write_model_folder
    run = fit(recipe, images, progress)
    figures = write_model_folder(folder, recipe, images, run)
    return TrainingResult(folder / "model.keras", figures, len(run.history), run.best_epoch, run.interrupted)


def _silent(_: str) -> None:
    """Progress that nobody watches."""


def _load(model: Path | Any, step: Progress) -> Any:
    """A Keras model from a file, or the one given."""
    step("loading TensorFlow")
    with quiet():
        _import_tensorflow()
        from vae_export.split.load import load_model
    step("loading the model")
    with quiet():
        return load_model(model) if isinstance(model, Path) else model


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
    formats: Sequence[str], precision: str, batch: int | None, opset: int, tolerance: float
) -> None:
    unknown = [format for format in formats if format not in FORMATS]
    if unknown or not formats:
        raise InputError(f"format: got {', '.join(unknown) or 'none'}, expected {' or '.join(FORMATS)}")
    if precision not in PRECISIONS:
        raise InputError(f"precision: got {precision!r}, expected {' or '.join(PRECISIONS)}")
    if batch is not None and batch < 1:
        raise InputError(f"batch: got {batch}, expected at least 1, or dynamic")
    check_opset(opset)
    if not tolerance > 0:
        raise InputError(f"tolerance: got {tolerance}, expected more than 0")


def _resolve(model: str | Path | Any | None, name: str | None) -> tuple[Path | Any, str]:
    """A file or a Keras model, and the name of the bundle."""
    if model is None:
        model = DEFAULT_MODEL
    if not isinstance(model, (str, Path)):
        return model, name or str(model.name)
    path = Path(model)
    if not path.exists():
        known = reference_model(str(model))
        if known is None and not path.suffix:
            names = ", ".join(sorted(reference_models())) or "none"
            raise ModelError(
                f"{model}: no such file, and no reference model of this name; expected a .keras or .h5 "
                f"file, or one of {names}"
            )
        path = known or path
    # Folders of models call their file model.keras.
    stem = path.absolute().parent.name if path.stem == "model" else path.stem
    return path, name or stem


def _import_tensorflow() -> None:
    try:
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"exporting needs {error.name}, which is not installed; pip install tensorflow"
        ) from error


def _samples(
    calibration: str | Path | Array | None, model: Path | Any, shape: tuple[int, ...]
) -> tuple[Array, str, tuple[float, float] | None]:
    """Samples of x, a sentence that says what they are, and the range of x if they are real."""
    if calibration is None and isinstance(model, Path) and (model.parent / "samples.npz").is_file():
        calibration = model.parent / "samples.npz"
    if calibration is None:
        random = np.random.default_rng(0).random((VERIFIED_SAMPLES, *shape), np.float32)
        return random, "random values in [0, 1]; no real samples were given", None
    if isinstance(calibration, (str, Path)):
        path = Path(calibration)
        array, where = read_array(path, "x"), path.name
    else:
        array, where = calibration, "calibration"
    x = check_x(array, shape, None, where)[:VERIFIED_SAMPLES]
    return x, f"{len(x)} real samples from {where}", _value_range(x)


def _value_range(x: Array) -> tuple[float, float] | None:
    """[0, 1] or [-1, 1] if x lies in it; None for data that is scaled otherwise."""
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        if x.min() >= low and x.max() <= high:
            return low, high
    return None


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
    x: Array,
    value_range: tuple[float, float],
    tolerance: float,
    step: Progress,
) -> tuple[ParityReport, dict[str, Array]]:
    from vae_export.verify.gate import Reference, verify_artifacts
    from vae_export.verify.keras_runner import KerasRunner

    decoder = KerasRunner(split.decoder)
    reference = Reference.compute(
        KerasRunner(split.encoder),
        decoder,
        x,
        seed=GOLDEN_SEED,
        epsilon_scale=split.site.epsilon_scale,
    )
    report = verify_artifacts(
        artifacts,
        reference,
        value_range=value_range,
        tolerance=tolerance,
        progress=lambda file: step(f"verifying {file}"),
    )
    count = min(golden_count(int(np.prod(split.x_shape))), len(x))
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
    return {tool: importlib.metadata.version(tool) for tool in TOOLS if tool not in unused}
