"""The three-way gate: Keras, ONNX Runtime and LiteRT, half by half and end to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.core.artifact import Artifact, pairs
from vae_export.core.half import Half, Runner
from vae_export.core.latent import Latent
from vae_export.errors import MissingDependencyError, ModelError, ParityError, one_line
from vae_export.io.quiet import quiet
from vae_export.runtime.draws import draw_z
from vae_export.verify.cases import decoder_cases, encoder_cases
from vae_export.verify.metrics import value_scale
from vae_export.verify.parity import DEFAULT_TOLERANCE, OutputParity, ParityReport, check_case, check_graph
from vae_export.verify.runners import load_runner

__all__ = ["Reference", "end_to_end_name", "verify_artifacts"]

Array = np.ndarray[Any, Any]


# How far a sample alone may be from the same in a batch, times the range of the values.
ALONE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Reference:
    """What Keras computes on the samples, the noise being that of the runtime helper.

    Attributes:
        encoder, decoder: the Keras halves.
        latents: of the model.
        encoder_inputs: x and conditions ``[n, ...]``.
        conditions: the decoder's inputs beside z ``[n, ...]``.
        posterior: mu and logvar of each latent, float32 ``[n, *latent_shape]``.
        z: of each latent; sample k of the seed belongs to x[k].
        outputs: of the decoder ``[n, ...]``.
        seed: of the noise.
    """

    encoder: Half
    decoder: Half
    latents: tuple[Latent, ...]
    encoder_inputs: Mapping[str, Array]
    conditions: Mapping[str, Array]
    posterior: Mapping[str, Array]
    z: Mapping[str, Array]
    outputs: Mapping[str, Array]
    seed: int

    @classmethod
    def compute(
        cls,
        encoder: Half,
        decoder: Half,
        latents: Sequence[Latent],
        encoder_inputs: Mapping[str, Array],
        conditions: Mapping[str, Array],
        seed: int,
    ) -> Reference:
        """Run the halves on samples.

        Raises:
            ModelError: what comes out for one sample depends on the others of its batch.
        """
        posterior = encoder.run(encoder_inputs)
        _refuse_batch_dependence(encoder, encoder_inputs, posterior)
        z = draw_z(latents, posterior, seed)
        outputs = decoder.run({**z, **conditions})
        _refuse_batch_dependence(decoder, {**z, **conditions}, outputs)
        return cls(encoder, decoder, tuple(latents), encoder_inputs, conditions, posterior, z, outputs, seed)


def _refuse_batch_dependence(half: Half, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
    alone = half.run({name: array[:1] for name, array in inputs.items()})
    for name, array in alone.items():
        off = float(np.abs(array[0] - outputs[name][0]).max(initial=0.0))
        if off > ALONE_TOLERANCE * value_scale(outputs[name]):
            raise ModelError(
                f"{half.role}: {name!r} of a sample differs by {off:.2g} alone and in "
                f"a batch of {len(outputs[name])}, expected rows that do not depend on each other; batch "
                "statistics, as of BatchNormalization called with training=True, belong to training"
            )


def end_to_end_name(encoder: str, decoder: str) -> str:
    """What reports call the whole way x -> reconstruction through two files."""
    return f"{encoder} → {decoder}"


def verify_artifacts(
    artifacts: Sequence[Artifact],
    reference: Reference,
    *,
    value_range: tuple[float, float],
    tolerance: float,
    progress: Callable[[str], None],
) -> tuple[ParityReport, dict[str, Runner]]:
    """Load every artifact in its runtime and hold it against the Keras half it came from.

    Those of lower precisions have to have the right form on all real inputs; what they may lose is for
    `verify.fidelity` to judge.

    Args:
        artifacts: encoder and decoder of each format and precision.
        reference: the Keras halves, and what they compute on the samples.
        value_range: of x, for the random inputs.
        tolerance: absolute on outputs in [0, 1], times the range of the values otherwise. With the default,
            more is granted where Keras' own float32 is further from float64; see `check_graph`.
        progress: called with the name of each artifact.

    Returns:
        The report; file -> the artifact, loaded.

    Raises:
        ParityError: a runtime refuses to load an artifact.
        MissingDependencyError: a runtime is not installed.
    """
    batches = sorted({size for artifact in artifacts for size in artifact.batches or ()})
    halves = {
        "encoder": (reference.encoder, encoder_cases(reference.encoder_inputs, value_range, batches)),
        "decoder": (
            reference.decoder,
            decoder_cases(reference.latents, reference.z, reference.conditions, batches),
        ),
    }
    rows: list[OutputParity] = []
    runners: dict[str, Runner] = {}
    for artifact in artifacts:
        progress(artifact.file)
        runner = runners[artifact.file] = _load(artifact)
        half, cases = halves[artifact.role]
        if artifact.precision == "float32":
            # Who gives a tolerance means it.
            exact = half.run_exact if tolerance == DEFAULT_TOLERANCE else None
            rows += check_graph(artifact.file, runner, half, cases, tolerance, exact)
        else:
            # Ranges come from what occurs; nothing is promised beyond.
            real = [case for case in cases if not case.made_up]
            rows += check_graph(artifact.file, runner, half, real, None)
    for encoder, decoder in pairs(artifacts):
        exact_pair = encoder.precision == decoder.precision == "float32"
        where = end_to_end_name(encoder.file, decoder.file)
        rows += _check_end_to_end(
            where,
            runners[encoder.file],
            runners[decoder.file],
            reference,
            tolerance if exact_pair else None,
        )
    return ParityReport(tuple(rows)), runners


def _load(artifact: Artifact) -> Runner:
    try:
        # LiteRT announces its delegates on standard error.
        with quiet():
            return load_runner(artifact)
    except MissingDependencyError:
        raise
    # Runtimes raise their own types when they refuse a file.
    except Exception as error:
        failure = f"{artifact.file}: the runtime refuses to load it: {one_line(error)}"
        raise ParityError("1 parity check failed", (failure,)) from error


def _check_end_to_end(
    where: str, encoder: Runner, decoder: Runner, reference: Reference, tolerance: float | None
) -> list[OutputParity]:
    expected = {**reference.z, **reference.outputs}
    try:
        posterior = encoder.run(reference.encoder_inputs)
        z = draw_z(reference.latents, posterior, reference.seed)
        actual = {**z, **decoder.run({**z, **reference.conditions})}
    # What makes the way fail has been reported half by half already, with its cause.
    except Exception as error:  # noqa: BLE001  runtimes raise their own types
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        inf = float("inf")
        return [
            OutputParity(where, name, inf, inf, inf, None, tolerance or 0.0, (failure,))
            for name in reference.outputs
            for failure in [f"{where}: output {name!r}: the runtime failed: {reason}"]
        ]
    rows = len(next(iter(reference.encoder_inputs.values())))
    return check_case(where, f"batch of {rows}", expected, actual, tolerance)
