"""``--target mcu``: what it implies, and what it adds to a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vae_export.core.artifact import DEFAULT_BATCHES, FORMATS, Artifact
from vae_export.core.firmware import TARGETS, Firmware
from vae_export.errors import InputError
from vae_export.formats.tflm.interpreter import need_tflm
from vae_export.formats.tflm.resolver import resolver_methods
from vae_export.io.quiet import quiet
from vae_export.pipeline.stages import Progress

if TYPE_CHECKING:
    from vae_export.verify.gate import Reference

__all__ = ["check_operators", "firmware_of", "resolve_target"]

_MCU: dict[str, Any] = {"format": "tflite", "precision": "int8", "batch": 1}
_DEFAULTS: dict[str, Any] = {"format": FORMATS, "precision": "float32", "batch": DEFAULT_BATCHES}


def resolve_target(
    target: str | None,
    formats: str | Sequence[str] | None,
    precision: str | Sequence[str] | None,
    batch: int | Sequence[int] | str | None,
) -> tuple[Sequence[str], str | Sequence[str], int | Sequence[int] | str]:
    """Formats, precision and batch: as given, else what the target implies, else the defaults.

    Raises:
        InputError: there is no such target, or it implies something else than was given.
        MissingDependencyError: what the target needs is not installed.
    """
    given: dict[str, Any] = {"format": formats, "precision": precision, "batch": batch}
    if target is None:
        chosen = {name: _DEFAULTS[name] if value is None else value for name, value in given.items()}
    elif target not in TARGETS:
        raise InputError(f"target: got {target}, expected {', '.join(TARGETS)}")
    else:
        for name, value in given.items():
            if value is not None and _alone(value) != _MCU[name]:
                raise InputError(
                    f"target: got {target} with --{name} {_shown(value)}, expected --{name} {_MCU[name]}, "
                    "which it implies; leave it out"
                )
        need_tflm()
        chosen = _MCU
    some = chosen["format"]
    return (some,) if isinstance(some, str) else some, chosen["precision"], chosen["batch"]


def _alone(value: Any) -> Any:
    """The one value of a sequence; else what was given."""
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return values[0] if len(values) == 1 else value


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, (str, int)) else ",".join(map(str, value))


def check_operators(artifacts: Sequence[Artifact]) -> None:
    """Refuse what TensorFlow Lite Micro cannot run, before anything is measured.

    Raises:
        ConversionError: names the operators.
    """
    for artifact in artifacts:
        resolver_methods(artifact.file, artifact.operators)


def firmware_of(
    artifacts: Sequence[Artifact], reference: Reference, name: str, progress: Progress
) -> list[Firmware]:
    """Every artifact as source, after it has run in TensorFlow Lite Micro.

    Raises:
        ConversionError: it does not run there.
        ParityError: it computes something else there than in LiteRT.
    """
    with quiet():
        from vae_export.formats.tflm.deployment import make_firmware
    inputs = {
        "encoder": reference.encoder_inputs,
        "decoder": {**reference.z, **reference.conditions},
    }
    made = []
    for artifact in artifacts:
        progress(f"running {artifact.file} in TensorFlow Lite Micro")
        with quiet():
            made.append(make_firmware(artifact, name, inputs[artifact.role]))
    return made
