"""The three-way gate: Keras, ONNX Runtime and LiteRT, half by half and end to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.artifact import Artifact
from vae_export.errors import MissingDependencyError, ParityError, one_line
from vae_export.quiet import quiet
from vae_export.runtime import vae_runtime
from vae_export.verify.cases import decoder_cases, encoder_cases
from vae_export.verify.parity import OutputParity, ParityReport, check_case, check_graph
from vae_export.verify.runners import Runner, load_runner

__all__ = ["Reference", "end_to_end_name", "verify_artifacts"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Reference:
    """What Keras computes on the samples, the noise being that of the runtime helper.

    Attributes:
        encoder, decoder: the Keras halves.
        x: float32 ``[n, ...]``.
        mu, logvar, epsilon, z: float32 ``[n, *latent_shape]``.
        reconstruction: float32 ``[n, ...]``.
        seed: of epsilon; sample k of the seed belongs to x[k].
        epsilon_scale: standard deviation of epsilon.
    """

    encoder: Runner
    decoder: Runner
    x: Array
    mu: Array
    logvar: Array
    epsilon: Array
    z: Array
    reconstruction: Array
    seed: int
    epsilon_scale: float

    @classmethod
    def compute(
        cls, encoder: Runner, decoder: Runner, x: Array, *, seed: int, epsilon_scale: float
    ) -> Reference:
        """Run the halves on x, float32 ``[n, ...]``."""
        posterior = encoder.run({"x": x})
        mu, logvar = posterior["mu"], posterior["logvar"]
        epsilon = vae_runtime.normal(seed, 0, 0, mu.size).reshape(mu.shape)
        z = vae_runtime.sample(mu, logvar, seed=seed, epsilon_scale=epsilon_scale)
        reconstruction = decoder.run({"z": z})["reconstruction"]
        return cls(encoder, decoder, x, mu, logvar, epsilon, z, reconstruction, seed, epsilon_scale)


def end_to_end_name(format: str) -> str:
    """What reports call the whole way x -> reconstruction in one format."""
    return f"encoder.{format} → decoder.{format}"


def verify_artifacts(
    artifacts: Sequence[Artifact],
    reference: Reference,
    *,
    value_range: tuple[float, float],
    tolerance: float,
    progress: Callable[[str], None],
) -> ParityReport:
    """Load every artifact in its runtime and hold it against the Keras half it came from.

    Args:
        artifacts: encoder and decoder of each format.
        reference: the Keras halves, and what they compute on the samples.
        value_range: of x, for the random inputs.
        tolerance: absolute on outputs in [0, 1], times the range of the values otherwise.
        progress: called with the name of each artifact.

    Raises:
        ParityError: a runtime refuses to load an artifact.
        MissingDependencyError: a runtime is not installed.
    """
    halves = {
        "encoder": ("x", reference.encoder, encoder_cases(reference.x, value_range)),
        "decoder": ("z", reference.decoder, decoder_cases(reference.z)),
    }
    rows: list[OutputParity] = []
    runners: dict[tuple[str, str], Runner] = {}
    for artifact in artifacts:
        progress(artifact.file)
        runner = runners[artifact.format, artifact.role] = _load(artifact)
        input_name, half, cases = halves[artifact.role]
        rows += check_graph(artifact.file, runner, half, input_name, cases, tolerance)
    for format in dict.fromkeys(artifact.format for artifact in artifacts):
        encoder, decoder = runners[format, "encoder"], runners[format, "decoder"]
        rows += _check_end_to_end(format, encoder, decoder, reference, tolerance)
    return ParityReport(tuple(rows))


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
    format: str, encoder: Runner, decoder: Runner, reference: Reference, tolerance: float
) -> list[OutputParity]:
    where = end_to_end_name(format)
    expected = {"z": reference.z, "reconstruction": reference.reconstruction}
    try:
        posterior = encoder.run({"x": reference.x})
        z = vae_runtime.sample(
            posterior["mu"],
            posterior["logvar"],
            seed=reference.seed,
            epsilon_scale=reference.epsilon_scale,
        )
        actual = {"z": z, **decoder.run({"z": z})}
    # What makes the way fail has been reported half by half already, with its cause.
    except Exception as error:  # noqa: BLE001  runtimes raise their own types
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        failure = f"{where}: output 'reconstruction': the runtime failed: {reason}"
        inf = float("inf")
        return [OutputParity(where, "reconstruction", inf, inf, inf, None, tolerance, (failure,))]
    return check_case(where, f"batch of {len(reference.x)}", expected, actual, tolerance)
