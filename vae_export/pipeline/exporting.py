"""Export: plan, load, split, convert, quantise, derive, verify, bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_export.core.artifact import Artifact
from vae_export.core.manifest import Manifest
from vae_export.core.plan import ExportPlan
from vae_export.core.samples import Samples
from vae_export.errors import QuestionError
from vae_export.formats import FORMATS, in_order
from vae_export.formats.onnx.opsets import DEFAULT_OPSET
from vae_export.formats.protocol import Table
from vae_export.pipeline import bundling
from vae_export.pipeline.choosing import Candidate, choose
from vae_export.pipeline.converting import check_calibrated, convert, derive, make_quantiser, quantise
from vae_export.pipeline.planning import Names, make_plan
from vae_export.pipeline.questions import refuse_assumptions, with_figures_of_samples
from vae_export.pipeline.samples import MOST_SAMPLES, find_samples
from vae_export.pipeline.stages import Progress, cut_halves, in_float32, load_model, silent
from vae_export.pipeline.verifying import verify_and_measure
from vae_export.verify.fidelity import PrecisionCost
from vae_export.verify.parity import DEFAULT_TOLERANCE, ParityReport
from vae_export.verify.references import VERIFIED_ROWS, References

if TYPE_CHECKING:
    from vae_export.split.split_vae import SplitVae

__all__ = ["ExportResult", "export"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, repr=False)
class ExportResult:
    """A finished export.

    Attributes:
        path: the path of the bundle.
        manifest: the content of its manifest.json.
        report: the parity of the artifacts.
        cost: the cost of lower precisions.
        candidates: the candidates of precision "auto"; empty for others.
        cut: the sampling sites, and how they are known, in one line.
        artifacts: the artifacts in memory.
    """

    path: Path
    manifest: Manifest
    report: ParityReport
    cost: PrecisionCost
    candidates: tuple[Candidate, ...]
    cut: str
    artifacts: tuple[Artifact, ...]

    def __repr__(self) -> str:
        files = ", ".join(artifact.file for artifact in self.artifacts)
        return f"<ExportResult: {self.path}, {files}, verified>"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    def summaries(self) -> list[Table]:
        """The tables that formats have for the terminal."""
        tables = (
            FORMATS[name].summary([one for one in self.artifacts if one.format == name])
            for name in dict.fromkeys(one.format for one in self.artifacts)
        )
        return [table for table in tables if table is not None]


def export(
    model: str | Path | Any | None = None,
    output: str | Path | None = None,
    *,
    format: Names | None = None,
    precision: Names | None = None,
    batch: int | Sequence[int] | str | None = None,
    opset: int = DEFAULT_OPSET,
    tolerance: float = DEFAULT_TOLERANCE,
    samples: str | Path | Array | Mapping[str, Array] | None = None,
    integer_io: bool = False,
    min_psnr: float | None = None,
    max_kl: float | None = None,
    prefer: str | None = None,
    runtime: Names = "python",
    overwrite: bool = False,
    name: str | None = None,
    encoder: str | Path | Any | None = None,
    decoder: str | Path | Any | None = None,
    weights: str | Path | None = None,
    custom_objects: str | Path | Mapping[str, Any] | None = None,
    parametrisation: str | None = None,
    epsilon_scale: float | None = None,
    mu: str | None = None,
    logvar: str | None = None,
    strict: bool = False,
    input_shape: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """Export a trained Keras VAE as a verified bundle.

        result = vae_export.export("my-vae.keras", "my-bundle", format="onnx", samples="my-samples.npy")

    The options have the names of the command line's.

    Args:
        model: a .keras or .h5 file, the name of a reference model, ``package.module:attribute`` (a model, or
            a function that returns one), or a Keras model: functional, or subclassed with a call() of layers
            and keras.ops or with `encoder` and `decoder`. None is the reference model "fashion-mnist-dense".
        output: the directory of the bundle; default ``NAME-bundle`` in the current directory.
        format: one or several of `formats.FORMATS`, or "all" for those without a base. Formats with a base,
            such as "ort" and "tflm", come with it.
        precision: one or several of `PRECISIONS`, or "auto" for the smallest files within the budget. Default
            "float32", or the format's own default.
        batch: batch sizes of the signatures in .tflite files, while .onnx files take any; one number fixes
            both, "dynamic" leaves both free. Default `DEFAULT_BATCHES`, or the format's own default.
        opset: opset of .onnx files, 13 to 18.
        tolerance: largest absolute error of outputs in [0, 1]; for other outputs times the range of their
            values.
        samples: real x for verification and calibration: a file, a folder of images, or an array
            ``[n, ...]``; uint8 is scaled to [0, 1]. Default: samples.npz beside the model file, else random
            values in [0, 1], which cannot calibrate int8.
        integer_io: whether the inputs and outputs of int8 .tflite files are int8.
        min_psnr: lowest PSNR of decoders of lower precisions, dB; default by precision.
        max_kl: largest KL divergence of encoders of lower precisions, nats; default by precision.
        prefer: the aim of "auto": "size", or "speed" on this machine.
        runtime: languages of the runtime helpers in the bundle: "python", "c", "js", "java".
        overwrite: whether to replace an existing bundle.
        name: name of the model in the bundle; default from the file or the Keras model.
        encoder, decoder: two files or two Keras models, instead of `model`.
        weights: a weights file for a model given as ``package.module:attribute``.
        custom_objects: classes of the model, functions of Lambdas (by the layer's or the function's name) and
            numbers that their code uses: by name, or the file or module that defines them.
        parametrisation: of the second tensor of a sampling layer without code, one of
            `core.parametrisation.PARAMETRISATIONS`.
        epsilon_scale: standard deviation of epsilon in a sampling layer without code.
        mu, logvar: names of the two tensors that a sampling layer without code takes.
        strict: whether to refuse what would be assumed, such as mu by its name.
        input_shape: shape of one x, for models with free sizes.
        progress: called with the name of each step.

    Returns:
        The bundle's path, manifest and parity report.

    Raises:
        InputError: an option, the model or the output is wrong; the subclass says which. A `QuestionError`
            has what must be told of the sampling layer.
        MissingDependencyError: a package that a format needs is not installed.
        ConversionError: a half cannot be converted, or does not run in the target's runtime.
        ParityError: an artifact does not match its half, is beyond its budget, or differs from the artifact
            that it is derived from. Nothing has been written.
    """
    plan = make_plan(
        model,
        output,
        format=format,
        precision=precision,
        batch=batch,
        opset=opset,
        tolerance=tolerance,
        samples=samples,
        integer_io=integer_io,
        min_psnr=min_psnr,
        max_kl=max_kl,
        prefer=prefer,
        runtime=runtime,
        overwrite=overwrite,
        name=name,
        encoder=encoder,
        decoder=decoder,
        weights=weights,
        custom_objects=custom_objects,
        parametrisation=parametrisation,
        epsilon_scale=epsilon_scale,
        mu=mu,
        logvar=logvar,
        strict=strict,
        input_shape=input_shape,
    )
    return run(plan, progress or silent)


def run(plan: ExportPlan, progress: Progress) -> ExportResult:
    """Follow a plan; see `export`."""
    with in_float32(load_model(plan.source, progress)) as model:
        vae = _cut(model, plan, progress)
        samples = _samples(plan, vae)
        check_calibrated(plan, samples.real)
        references = References(vae.encoder, vae.decoder, vae.latents, samples)
        halves = {"encoder": vae.encoder, "decoder": vae.decoder}
        artifacts = convert(halves, plan, progress)
        candidates: list[Candidate] = []
        if plan.budgets:
            progress("calibrating")
            quantiser = make_quantiser(halves, plan, references.calibration)
            if plan.auto:
                candidates = choose(
                    artifacts, quantiser, references, plan, calibrated=samples.real, progress=progress
                )
                artifacts = [one.artifact for one in candidates if one.chosen and one.artifact is not None]
            else:
                artifacts = quantise(artifacts, quantiser, plan, progress)
        derived, companions = derive(artifacts, plan, references.verified, progress)
        artifacts = in_order([*artifacts, *derived])
        report, cost = verify_and_measure(artifacts, references, samples, plan, progress)
        progress("writing the bundle")
        manifest = bundling.write(plan, artifacts, companions, references.verified, samples, report, cost)
    return ExportResult(
        plan.output, manifest, report, cost, tuple(candidates), vae.describe_cut(), tuple(artifacts)
    )


def _cut(model: Any, plan: ExportPlan, progress: Progress) -> SplitVae:
    """The halves of the model.

    Raises:
        QuestionError: something has to be told; with figures of the real samples, if there are some.
        InputError: something was assumed, and the plan is strict.
    """
    try:
        vae = cut_halves(model, plan.name, {"told": plan.told, "x_shape": plan.input_shape}, progress)
    except QuestionError as error:
        raise with_figures_of_samples(error, plan.samples, plan.source.sample_folder) from None
    if plan.strict:
        refuse_assumptions(vae)
    return vae


def _samples(plan: ExportPlan, vae: SplitVae) -> Samples:
    from vae_export.split.example_inputs import random_array

    def random(name: str, rows: int) -> Array:
        return random_array(vae.graph, vae.inputs[name], rows, np.random.default_rng(0))

    most = MOST_SAMPLES if plan.budgets else VERIFIED_ROWS
    return find_samples(plan.samples, plan.source.sample_folder, vae.input_specs, random, most)
