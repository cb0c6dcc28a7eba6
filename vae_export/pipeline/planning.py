"""The options of an export, checked before any work is done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vae_export.bundle.writer import check_target
from vae_export.core.plan import DEFAULT_BATCHES, ExportPlan
from vae_export.core.precision import FLOAT32, PRECISIONS, Budget
from vae_export.core.told import Told
from vae_export.errors import InputError
from vae_export.formats import FORMATS, converted_formats, with_bases, with_precision
from vae_export.formats.onnx.opsets import DEFAULT_OPSET
from vae_export.formats.protocol import Implied
from vae_export.runtime import HELPERS
from vae_export.sources.resolve import resolve_model
from vae_export.verify.parity import DEFAULT_TOLERANCE

__all__ = [
    "ALL",
    "AUTO",
    "AUTO_BUDGET",
    "PREFERENCES",
    "Names",
    "check_input_shape",
    "default_output",
    "make_plan",
]

Array = np.ndarray[Any, Any]
# One name, or several in a sequence or with commas between them.
Names = str | Sequence[str]

ALL = "all"
AUTO = "auto"
AUTO_BUDGET = Budget(min_psnr=40.0, max_kl=0.05)
PREFERENCES = ("size", "speed")


def make_plan(
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
) -> ExportPlan:
    """Check the options of `export`, and complete them with defaults.

    Raises:
        InputError: an option is unknown, contradicts another one, or the output cannot be written; the
            subclass says which.
        ModelError: there is no such model.
        MissingDependencyError: what a format needs is not installed.
    """
    formats = _formats(format)
    precisions = _precisions(precision, formats)
    auto = precisions == (AUTO,)
    if auto:
        precisions = tuple(PRECISIONS)
    lower = [one for one in precisions if PRECISIONS[one].budget is not None]
    if not lower:
        _refuse_budgets(min_psnr=min_psnr, max_kl=max_kl)
    _check_amount("min psnr", min_psnr)
    _check_amount("max kl", max_kl)
    if prefer is not None and (prefer not in PREFERENCES or not auto):
        got = AUTO if auto else ",".join(precisions)
        raise InputError(
            f"prefer: got {prefer} with --precision {got}, expected {' or '.join(PREFERENCES)} with "
            f"--precision {AUTO}"
        )
    if integer_io:
        _check_integer_io(formats, () if auto else precisions)
    _check_amount("tolerance", tolerance)
    told = Told(parametrisation, epsilon_scale, mu, logvar)
    helpers = _names(runtime)
    _check_known("runtime", helpers, HELPERS)
    source = resolve_model(
        model, name, encoder=encoder, decoder=decoder, weights=weights, custom_objects=custom_objects
    )
    plan = ExportPlan(
        source=source,
        output=Path(output) if output is not None else default_output(source.name),
        overwrite=overwrite,
        formats=formats,
        precisions=precisions,
        auto=auto,
        prefer=prefer or PREFERENCES[0],
        budgets={one: _budget(one, auto, min_psnr, max_kl) for one in lower},
        batches=_batches(batch, formats),
        opset=opset,
        integer_io=integer_io,
        tolerance=tolerance,
        samples=samples,
        helpers=helpers,
        told=told,
        strict=strict,
        input_shape=check_input_shape(input_shape),
    )
    for one in formats:
        FORMATS[one].check(plan)
    check_target(plan.output, overwrite)
    return plan


def default_output(name: str) -> Path:
    """The default path of a bundle."""
    return Path(f"{name}-bundle")


def check_input_shape(input_shape: Sequence[int] | None) -> tuple[int, ...] | None:
    """The shape of one x; None if it was not given.

    Raises:
        InputError: a size below 1, or none.
    """
    if input_shape is not None and not (input_shape and all(size >= 1 for size in input_shape)):
        raise InputError(f"input shape: got {list(input_shape)}, expected sizes of at least 1")
    return tuple(input_shape) if input_shape else None


def _names(given: Names) -> tuple[str, ...]:
    """The names in their order, without duplicates."""
    return tuple(dict.fromkeys(given.split(",") if isinstance(given, str) else given))


def _check_known(option: str, given: Sequence[str], known: Mapping[str, object], more: str = "") -> None:
    unknown = [name or repr(name) for name in given if name not in known]
    if unknown or not given:
        raise InputError(
            f"{option}: got {', '.join(unknown) or 'none'}, expected some of {', '.join(known)}{more}"
        )


def _formats(given: Names | None) -> tuple[str, ...]:
    """The formats with their bases."""
    names = (ALL,) if given is None else _names(given)
    if names == (ALL,):
        return converted_formats()
    _check_known("format", names, FORMATS, f", or {ALL} ({', '.join(converted_formats())})")
    return with_bases(names)


def _precisions(given: Names | None, formats: Sequence[str]) -> tuple[str, ...]:
    """The precisions in the order of `PRECISIONS`, or "auto" alone."""
    if given is None:
        implied = {name for one in _implied(formats) for name in one.precisions} or {FLOAT32}
        return tuple(name for name in PRECISIONS if name in implied)
    names = _names(given)
    if names == (AUTO,):
        return names
    _check_known("precision", names, PRECISIONS, f", or {AUTO} alone")
    for name in names:
        if not set(formats) & set(with_precision(name)):
            raise InputError(
                f"precision: got {name} for {', '.join(formats)}, expected it for "
                f"{', '.join(with_precision(name))} alone; choose the format with --format"
            )
    return tuple(name for name in PRECISIONS if name in names)


def _batches(given: int | Sequence[int] | str | None, formats: Sequence[str]) -> tuple[int, ...] | None:
    """The batch sizes, ascending; None for any."""
    if given is None:
        implied = {size for one in _implied(formats) for size in one.batches}
        return tuple(sorted(implied or DEFAULT_BATCHES))
    if given == "dynamic":
        return None
    sizes = (given,) if isinstance(given, int) else given
    if not sizes or not all(isinstance(size, int) and size >= 1 for size in sizes):
        raise InputError(f"batch: got {given}, expected numbers of at least 1, or dynamic")
    return tuple(sorted({int(size) for size in sizes}))


def _implied(formats: Sequence[str]) -> list[Implied]:
    return [implied for name in formats if (implied := FORMATS[name].implied) is not None]


def _check_integer_io(formats: Sequence[str], precisions: Sequence[str]) -> None:
    able = {name: format.integer_io for name, format in FORMATS.items() if format.integer_io}
    if not any(set(able.get(name, ())) & set(precisions) for name in formats):
        expected = " or ".join(
            f"--precision {','.join(found)} --format {name}" for name, found in able.items()
        )
        raise InputError(
            f"integer io: got --precision {','.join(precisions) or AUTO} --format {','.join(formats)}, "
            f"expected {expected}"
        )


def _refuse_budgets(**given: float | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"{name.replace('_', ' ')}: got {value:g}, but float32 alone; choose a --precision that "
                "loses any"
            )


def _check_amount(option: str, value: float | None) -> None:
    if value is not None and not 0 < value < math.inf:
        raise InputError(f"{option}: got {value:g}, expected a finite number above 0")


def _budget(precision: str, auto: bool, min_psnr: float | None, max_kl: float | None) -> Budget:
    default = AUTO_BUDGET if auto else PRECISIONS[precision].budget
    assert default is not None
    return Budget(
        default.min_psnr if min_psnr is None else min_psnr, default.max_kl if max_kl is None else max_kl
    )
