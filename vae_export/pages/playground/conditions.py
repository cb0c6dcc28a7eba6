"""The controls for conditions: lists of classes, or fields for numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.bundle.reader import Bundle
from vae_export.core.manifest import ArtifactEntry, TensorEntry
from vae_export.errors import InputError
from vae_export.pages.playground.classes import count_classes
from vae_export.pages.view import row_shape

__all__ = ["describe_conditions"]

Array = np.ndarray[Any, Any]

# More classes without names have a field for a number.
MOST_OPTIONS = 1000


def describe_conditions(
    bundle: Bundle, artifacts: Mapping[str, ArtifactEntry], labels: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Describe the inputs beside x and z, as JSON.

    Args:
        bundle: the bundle, for initial values from its golden arrays.
        artifacts: role -> the manifest's entry of its .onnx file.
        labels: names of classes by input.

    Raises:
        InputError: labels of an unknown input, of an input without classes, or of another number than its
            classes.
    """
    latents = {latent.z for latent in bundle.manifest.latents}
    roles: dict[str, list[str]] = {}
    tensors = {}
    for role, artifact in artifacts.items():
        for tensor in artifact.inputs:
            if tensor.name != "x" and tensor.name not in latents:
                roles.setdefault(tensor.name, []).append(role)
                tensors[tensor.name] = tensor
    unknown = [name for name in labels if name not in tensors]
    if unknown:
        known = ", ".join(tensors) or "none"
        raise InputError(f"labels: got labels of {', '.join(unknown)}, expected those of inputs: {known}")
    described = []
    for name, tensor in tensors.items():
        files = [bundle.path / artifacts[role].file for role in roles[name]]
        golden = bundle.golden(name).reshape(-1, math.prod(row_shape(tensor)))
        one_hot = _is_one_hot(tensor, golden)
        count = golden.shape[1] if one_hot else _count(tensor, [file.read_bytes() for file in files])
        described.append(
            {
                "name": name,
                "roles": roles[name],
                "dtype": tensor.dtype,
                "one_hot": one_hot,
                "count": count,
                "classes": _options(tensor, count, labels.get(name)),
                "initial": _initial(tensor, golden[0], one_hot),
                "step": "any" if tensor.dtype == "float32" else 1,
            }
        )
    return described


def _is_one_hot(tensor: TensorEntry, golden: Array) -> bool:
    rows = tensor.dtype == "float32" and len(tensor.shape) == 2 and golden.shape[1] > 1
    return bool(rows and np.isin(golden, (0, 1)).all() and (golden.sum(axis=1) == 1).all())


def _count(tensor: TensorEntry, files: Sequence[bytes]) -> int | None:
    """The classes of an input of one integer; None if no graph tells."""
    if tensor.dtype == "float32" or math.prod(row_shape(tensor)) > 1:
        return None
    counts = [count_classes(data, tensor.name) for data in files]
    return min((count for count in counts if count is not None), default=None)


def _options(tensor: TensorEntry, count: int | None, labels: Sequence[str] | None) -> list[str] | None:
    """The classes to choose from; None for a field for numbers."""
    if labels is None:
        return [str(i) for i in range(count)] if count is not None and count <= MOST_OPTIONS else None
    name = tensor.name
    if count is None and (tensor.dtype == "float32" or math.prod(row_shape(tensor)) > 1):
        raise InputError(f"labels: got {len(labels)} of {name}, expected none: it is no class, but numbers")
    if count is not None and len(labels) != count:
        raise InputError(f"labels: got {len(labels)} of {name}, expected {count}, one for each class")
    return list(labels)


def _initial(tensor: TensorEntry, row: Array, one_hot: bool) -> list[float]:
    """The values of the first golden row."""
    if one_hot:
        return [int(row.argmax())]
    values: list[float] = row.tolist()
    return values if tensor.dtype == "float32" else [int(value) for value in values]
