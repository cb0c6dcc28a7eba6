"""Say what a model is that is no VAE as it should be: shared noise, noise of another shape, a quantiser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from vae_export.split.graph import Call, Value
from vae_export.split.region import Region, is_keras_own, known_noise_of, repeated, run_calls
from vae_export.split.stand_in import class_name

__all__ = ["describe_noise", "find_quantiser"]

Array = np.ndarray[Any, Any]

ROWS = 16
_CODES = 512
_QUANTISER = r"quantiz|quantis|codebook|vq(?![a-z])"


def describe_noise(region: Region) -> str | None:
    """Why the noise of a region is not that of a posterior, if it is plain to see; None if it is not."""
    where = f"layer {region.calls[0].path!r} ({class_name(region.calls[0].operation)})"
    way_out = "draw noise of the shape of mu, keras.ops.shape(mu)"
    tensors = {value: repeated(region.recorded[value], ROWS) for value in region.inputs}
    first, second = (
        run_calls(region.calls, tensors, [region.z], region.training, times=times)[0] for times in (1, 2)
    )
    if len(first) == ROWS and _same(first, first[:1]) and not _same(first, second):
        return f"{where} draws one epsilon for all rows of a batch, expected one for each row; {way_out}"
    known = known_noise_of(region.calls, tensors, [region.z], region.training)
    if known is not None and known.shape is not None and known.shape[1:] != region.z_shape:
        return (
            f"{where} draws noise of shape {known.shape[1:]} for z of shape {region.z_shape}, expected one "
            f"epsilon for each value; {way_out}"
        )
    return None


def find_quantiser(calls: Iterable[Call], examples: Mapping[Value, Array]) -> Call | None:
    """The call that replaces vectors by those of a codebook; None if there is none.

    A custom layer whose name says so, or that was seen to do it: many different vectors in, few out.
    """
    for call in calls:
        layer = call.operation
        if not isinstance(layer, keras.Layer) or is_keras_own(layer) or len(call.inputs) != 1:
            continue
        if re.search(_QUANTISER, type(layer).__name__.lower()):
            return call
        (value,) = call.inputs
        row = examples[value]
        if row.dtype.kind != "f" or row.ndim < 2 or call.outputs[0].shape[-1] != row.shape[-1]:
            continue
        given = np.random.default_rng(0).standard_normal((_CODES, *row.shape[1:])).astype(row.dtype)
        (made,) = run_calls([call], {value: given}, call.outputs[:1], training=False)
        if made.ndim == row.ndim and 1 < len(_vectors(made)) <= len(_vectors(given)) // 4:
            return call
    return None


def _vectors(array: Array) -> Array:
    return np.unique(array.reshape(-1, array.shape[-1]).round(5), axis=0)


def _same(one: Array, other: Array) -> bool:
    return bool(np.allclose(one, other, rtol=1e-5, atol=1e-6 * np.abs(one).max(initial=0.0)))
