"""The settings of a playground: facts about the bundle for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.bundle.reader import Bundle
from vae_export.core.latent import Latent
from vae_export.core.manifest import ArtifactEntry, TensorEntry
from vae_export.errors import InputError
from vae_export.pages.playground.conditions import describe_conditions
from vae_export.pages.view import View, check_picture_shape, picture_range, row_shape, view_of

__all__ = ["MOST_SLIDERS", "build_settings"]

Array = np.ndarray[Any, Any]

# The most sliders.
MOST_SLIDERS = 64


def build_settings(
    bundle: Bundle,
    artifacts: Mapping[str, ArtifactEntry],
    picture_shape: tuple[int, ...] | None,
    labels: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Describe a bundle for the page, as JSON.

    Args:
        bundle: the bundle.
        artifacts: role -> the manifest's entry of its .onnx file.
        picture_shape: see `view_of`.
        labels: names of classes by input.

    Raises:
        InputError: no output of the decoder is a picture or a signal, or labels do not fit.
    """
    latents = bundle.manifest.latents
    tensors = (*artifacts["encoder"].inputs, *artifacts["decoder"].outputs)
    check_picture_shape(picture_shape, {tensor.name: row_shape(tensor) for tensor in tensors})
    precisions = list(dict.fromkeys(entry.precision for entry in artifacts.values()))
    conditions = describe_conditions(bundle, artifacts, labels)
    axes = [
        f"{latent.z}[{','.join(map(str, place))}]"
        for latent in latents
        for place in np.ndindex(*latent.shape)
    ]
    x, no_x = _x(bundle, artifacts["encoder"], picture_shape)
    outputs = _outputs(bundle, artifacts["decoder"], picture_shape, x["shape"] if x else None)
    return {
        "name": bundle.manifest.name,
        "summary": f"{_summary(artifacts)}, in {' and '.join(precisions)}",
        "precision": precisions[0] if len(precisions) == 1 else None,
        "latent_size": len(axes),
        "axes": axes[:MOST_SLIDERS],
        "pad": sorted(_most_active(bundle)[:2]),
        "precision_option": _precision_option(bundle, artifacts["encoder"].format, precisions),
        "seed": bundle.manifest.golden.seed,
        "outputs": outputs,
        "x": x,
        "no_x": no_x,
        "conditions": conditions,
    }


def _most_active(bundle: Bundle) -> list[int]:
    """The latent values with sliders, by the variance of mu: a collapsed latent changes nothing."""
    latents = bundle.manifest.latents
    mu = np.concatenate([bundle.golden(latent.mu).reshape(-1, _size(latent)) for latent in latents], axis=1)
    order: list[int] = np.argsort(-mu.var(axis=0)[:MOST_SLIDERS], kind="stable").tolist()
    return order


def _size(latent: Latent) -> int:
    return math.prod(latent.shape)


def _precision_option(bundle: Bundle, format: str, precisions: Sequence[str]) -> str:
    """The options with which the command line runs these files."""
    first = bundle.precisions(format)[0]
    return "" if first in (None, *precisions) else f" --precision {precisions[0]}"


def _summary(artifacts: Mapping[str, ArtifactEntry]) -> str:
    """The inputs and outputs in words."""
    encoder, decoder = artifacts["encoder"], artifacts["decoder"]
    return " → ".join(map(_tensors, (encoder.inputs, decoder.inputs, decoder.outputs)))


def _tensors(entries: Sequence[TensorEntry]) -> str:
    return ", ".join(f"{tensor.name} {list(row_shape(tensor))}" for tensor in entries)


def _outputs(
    bundle: Bundle,
    decoder: ArtifactEntry,
    picture_shape: tuple[int, ...] | None,
    x_shape: Sequence[int] | None,
) -> list[dict[str, Any]]:
    views = {tensor.name: view_of(row_shape(tensor), picture_shape) for tensor in decoder.outputs}
    shown = [
        {"name": name, **_view(view, bundle, name, list(view.shape) == x_shape)}
        for name, view in views.items()
        if view is not None
    ]
    # Outputs shaped like x first, then pictures.
    shown.sort(key=lambda view: (view["shape"] != x_shape, view["kind"] != "picture"))
    if not shown:
        raise InputError(
            f"playground: got a decoder that makes {_tensors(decoder.outputs)}, expected pictures "
            "[height, width, 1 or 3] or signals [length, up to 8 channels]"
        )
    return shown


def _x(
    bundle: Bundle, encoder: ArtifactEntry, picture_shape: tuple[int, ...] | None
) -> tuple[dict[str, Any] | None, str]:
    """(view of x, ""), or (None, the reason why it has none)."""
    (tensor,) = [tensor for tensor in encoder.inputs if tensor.name == "x"]
    view = view_of(row_shape(tensor), picture_shape)
    if view is None:
        return None, f"x, of shape {list(row_shape(tensor))}, is neither a picture nor a signal."
    return {"dtype": tensor.dtype, **_view(view, bundle, "x", True, tensor.dtype)}, ""


def _view(view: View, bundle: Bundle, name: str, like_x: bool, dtype: str = "float32") -> dict[str, Any]:
    """A view with its range of values.

    For pictures the black and white of `generate`; for signals, and for rows that only this page shows as
    pictures, such as tokens by classes, the range of the golden values.
    """
    golden = bundle.golden(name)
    own = view.kind == "picture" and golden.ndim == 3 and not like_x
    if own or view.kind == "signal":
        value_range = (float(golden.min()), float(golden.max()))
    else:
        value_range = picture_range(bundle.x_range, dtype)
    return {"kind": view.kind, "shape": list(view.shape), "range": list(value_range), "own_range": own}
