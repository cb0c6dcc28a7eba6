"""Inspect a model without an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_export.core.told import Told
from vae_export.io.quiet import quiet
from vae_export.pipeline.planning import check_input_shape
from vae_export.pipeline.stages import Progress, in_float32, load_model, silent
from vae_export.sources.resolve import resolve_model

if TYPE_CHECKING:
    from vae_export.split.inspection import Inspection

__all__ = ["inspect"]


def inspect(
    model: str | Path | Any | None = None,
    *,
    encoder: str | Path | Any | None = None,
    decoder: str | Path | Any | None = None,
    weights: str | Path | None = None,
    custom_objects: str | Path | Mapping[str, Any] | None = None,
    parametrisation: str | None = None,
    epsilon_scale: float | None = None,
    mu: str | None = None,
    logvar: str | None = None,
    input_shape: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Inspect a Keras VAE and its sampling sites; see `export` for the arguments.

    Raises:
        ModelError: the model cannot be loaded, or has no graph of layers.
    """
    step = progress or silent
    source = resolve_model(
        model, encoder=encoder, decoder=decoder, weights=weights, custom_objects=custom_objects
    )
    told = Told(parametrisation, epsilon_scale, mu, logvar)
    x_shape = check_input_shape(input_shape)
    keras_model = load_model(source, step)
    step("finding the sampling site")
    with quiet():
        from vae_export.split.inspection import inspect_model

        with in_float32(keras_model):
            return inspect_model(keras_model, source.name, told=told, x_shape=x_shape)
