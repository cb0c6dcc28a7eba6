"""The formats of files that halves become, in one registry.

    from vae_export.formats import FORMATS
    FORMATS["onnx"].convert(half, plan)

A new format is a class that derives from `Format`, in a file of its own, and a line below. Nothing outside
this package compares names of formats.
"""

from __future__ import annotations

from collections.abc import Iterable

from vae_export.core.artifact import Artifact
from vae_export.core.precision import PRECISIONS
from vae_export.formats.onnx.format import OnnxFormat
from vae_export.formats.ort.format import OrtFormat
from vae_export.formats.protocol import Format, QuantisationRecipe
from vae_export.formats.tflite.format import TfliteFormat
from vae_export.formats.tflm.format import TflmFormat

__all__ = [
    "FORMATS",
    "converted_formats",
    "in_order",
    "register_format",
    "register_recipe",
    "with_bases",
    "with_precision",
]

# Name -> format, in the order in which files are made and shown.
FORMATS: dict[str, Format] = {}


def register_format(format: Format) -> Format:
    """Add a format at the end of `FORMATS`.

    Raises:
        ValueError: the name is taken, or the base is not registered.
    """
    if format.name in FORMATS:
        raise ValueError(f"format {format.name!r} is registered already")
    if format.base is not None and format.base not in FORMATS:
        raise ValueError(f"format {format.name!r}: its base {format.base!r} is not registered")
    FORMATS[format.name] = format
    return format


def register_recipe(format: str, precision: str, recipe: QuantisationRecipe) -> None:
    """Give a format a precision.

    Raises:
        ValueError: the precision is not registered, or the format has it already.
    """
    if precision not in PRECISIONS or precision in FORMATS[format].recipes:
        raise ValueError(f"format {format!r}: precision {precision!r} is unknown, or there already")
    FORMATS[format].recipes[precision] = recipe


def converted_formats() -> tuple[str, ...]:
    """The formats that halves are converted to; the others are derived from these."""
    return tuple(name for name, format in FORMATS.items() if format.base is None)


def with_bases(names: Iterable[str]) -> tuple[str, ...]:
    """Formats with those that they are derived from, in the order of `FORMATS`."""
    wanted = set(names)
    for format in reversed(FORMATS.values()):
        if format.name in wanted and format.base is not None:
            wanted.add(format.base)
    return tuple(name for name in FORMATS if name in wanted)


def with_precision(precision: str) -> tuple[str, ...]:
    """The formats that have a precision."""
    return tuple(name for name, format in FORMATS.items() if precision in format.precisions)


def in_order(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Artifacts by format, then by precision, the encoder first."""
    formats, precisions = list(FORMATS), list(PRECISIONS)
    return sorted(
        artifacts,
        key=lambda one: (formats.index(one.format), precisions.index(one.precision), one.role == "decoder"),
    )


register_format(OnnxFormat())
register_format(TfliteFormat())
register_format(OrtFormat())
register_format(TflmFormat())
