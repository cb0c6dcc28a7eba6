"""Forbidden operators: custom ones, which devices lack, and random ones, which ignore the seed."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from vae_export.errors import ConversionError

__all__ = ["refuse_operators"]


def refuse_operators(
    file: str, operators: Iterable[str], custom: Iterable[str], random: Collection[str]
) -> None:
    """Raise if an artifact holds random or custom operators.

    Args:
        file: name of the artifact, for the message.
        operators: names of its standard operators.
        custom: names of its operators outside of the standard set, including Flex operators.
        random: names of the format's operators that draw noise.

    Raises:
        ConversionError: names every offending operator.
    """
    drawing = sorted(set(random).intersection(operators))
    if drawing:
        raise ConversionError(
            f"{file}: holds the random operator {', '.join(drawing)}, expected a deterministic graph; "
            "remove the layer that draws it (noise or dropout called with training=True), or move it "
            "into the sampling layer"
        )
    foreign = sorted(set(custom))
    if foreign:
        raise ConversionError(
            f"{file}: holds {', '.join(foreign)}, which is no standard operator and no plain runtime "
            "has; replace the layer that needs it with standard Keras layers"
        )
