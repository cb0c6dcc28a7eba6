"""What the page of a playground is told of its bundle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vae_export.bundle.reader import Bundle
from vae_export.errors import InputError
from vae_export.pages.playground.classes import count_classes
from vae_export.pages.view import View, view_of

__all__ = ["MOST_SLIDERS", "build_settings"]

Array = np.ndarray[Any, Any]

# More sliders than that are nobody's help.
MOST_SLIDERS = 64
# More classes than that are a number to be typed.
MOST_CLASSES = 1000


def build_settings(
    bundle: Bundle,
    artifacts: Mapping[str, Mapping[str, Any]],
    picture_shape: tuple[int, ...] | None,
    labels: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Describe a bundle for the page, as JSON.

    Args:
        bundle: what is shown.
        artifacts: role -> the manifest's entry of its .onnx file.
        picture_shape: see `view_of`.
        labels: names of classes, by input.

    Raises:
        InputError: nothing that the decoder makes can be shown, or labels that do not fit.
    """
    latents = bundle.manifest["latents"]
    precisions = list(dict.fromkeys(entry["precision"] for entry in artifacts.values()))
    conditions = _conditions(bundle, artifacts, labels)
    axes = [
        f"{latent['z']}[{','.join(map(str, place))}]"
        for latent in latents
        for place in np.ndindex(*latent["shape"])
    ]
    x, no_x = _x(bundle, artifacts["encoder"], picture_shape)
    outputs = _outputs(bundle, artifacts["decoder"], picture_shape, x["shape"] if x else None)
    return {
        "name": bundle.manifest["name"],
        "summary": f"{_summary(artifacts)}, in {' and '.join(precisions)}",
        "precision": precisions[0] if len(precisions) == 1 else None,
        "latent_size": len(axes),
        "axes": axes[:MOST_SLIDERS],
        "pad": sorted(_most_active(bundle)[:2]),
        "seed": bundle.manifest["golden"]["seed"],
        "outputs": outputs,
        "x": x,
        "no_x": no_x,
        "conditions": conditions,
    }


def _most_active(bundle: Bundle) -> list[int]:
    """Axes that have a slider, by the variance of mu: along a latent that has collapsed nothing changes."""
    latents = bundle.manifest["latents"]
    mu = np.concatenate(
        [bundle.golden(latent["mu"]).reshape(-1, _size(latent)) for latent in latents], axis=1
    )
    order: list[int] = np.argsort(-mu.var(axis=0)[:MOST_SLIDERS], kind="stable").tolist()
    return order


def _size(latent: Mapping[str, Any]) -> int:
    return math.prod(latent["shape"])


def _summary(artifacts: Mapping[str, Mapping[str, Any]]) -> str:
    """Which tensors go in and out."""
    encoder, decoder = (
        [f"{tensor['name']} {list(_row(tensor))}" for tensor in artifacts[role][side]]
        for role, side in (("encoder", "inputs"), ("decoder", "inputs"))
    )
    made = [f"{tensor['name']} {list(_row(tensor))}" for tensor in artifacts["decoder"]["outputs"]]
    return " → ".join(", ".join(names) for names in (encoder, decoder, made))


def _outputs(
    bundle: Bundle,
    decoder: Mapping[str, Any],
    picture_shape: tuple[int, ...] | None,
    x_shape: Sequence[int] | None,
) -> list[dict[str, Any]]:
    views = {tensor["name"]: view_of(_row(tensor), picture_shape) for tensor in decoder["outputs"]}
    shown = [{"name": name, **_view(view, bundle, name)} for name, view in views.items() if view is not None]
    # First what is shaped like x, then pictures.
    shown.sort(key=lambda view: (view["shape"] != x_shape, view["kind"] != "picture"))
    if not shown:
        shapes = ", ".join(f"{tensor['name']} {list(_row(tensor))}" for tensor in decoder["outputs"])
        raise InputError(
            f"playground: got a decoder that makes {shapes}, expected pictures [height, width, 1 or 3] or "
            "signals [length, up to 8 channels]; nothing of it can be shown"
        )
    return shown


def _x(
    bundle: Bundle, encoder: Mapping[str, Any], picture_shape: tuple[int, ...] | None
) -> tuple[dict[str, Any] | None, str]:
    """How x is shown, or None and why it is not."""
    (tensor,) = [tensor for tensor in encoder["inputs"] if tensor["name"] == "x"]
    view = view_of(_row(tensor), picture_shape)
    if view is None:
        return None, f"x, of shape {list(_row(tensor))}, is neither a picture nor a signal."
    return {"dtype": tensor["dtype"], **_view(view, bundle, "x", tensor["dtype"])}, ""


def _view(view: View, bundle: Bundle, name: str, dtype: str = "float32") -> dict[str, Any]:
    """A view and the range of values it has room for: of pictures what generate shows as black and white."""
    if view.kind == "signal":
        golden = bundle.golden(name)
        value_range = (float(golden.min()), float(golden.max()))
    else:
        value_range = (0.0, 255.0) if dtype == "uint8" else bundle.x_range or (0.0, 1.0)
    return {"kind": view.kind, "shape": list(view.shape), "range": list(value_range)}


def _row(tensor: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(tensor["shape"][1:])


def _conditions(
    bundle: Bundle, artifacts: Mapping[str, Mapping[str, Any]], labels: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    latents = {latent["z"] for latent in bundle.manifest["latents"]}
    roles: dict[str, list[str]] = {}
    tensors = {}
    for role, artifact in artifacts.items():
        for tensor in artifact["inputs"]:
            if tensor["name"] != "x" and tensor["name"] not in latents:
                roles.setdefault(tensor["name"], []).append(role)
                tensors[tensor["name"]] = tensor
    unknown = [name for name in labels if name not in tensors]
    if unknown:
        known = ", ".join(tensors) or "none"
        raise InputError(f"labels: got labels of {', '.join(unknown)}, expected those of inputs: {known}")
    return [
        {
            "name": name,
            "roles": roles[name],
            "dtype": tensor["dtype"],
            **_field(bundle, artifacts[roles[name][0]], tensor, labels.get(name)),
        }
        for name, tensor in tensors.items()
    ]


def _field(
    bundle: Bundle, artifact: Mapping[str, Any], tensor: Mapping[str, Any], labels: Sequence[str] | None
) -> dict[str, Any]:
    """How a condition is chosen: among classes, or as numbers; first as in the first golden row."""
    name, shape = tensor["name"], _row(tensor)
    golden = bundle.golden(name).reshape(-1, math.prod(shape))
    whole = tensor["dtype"] != "float32"
    one_hot = not whole and len(shape) == 1 and shape[0] > 1 and _is_one_hot(golden)
    count = None
    if one_hot:
        count = shape[0]
    elif whole and golden.shape[1] == 1:
        count = count_classes((bundle.path / artifact["file"]).read_bytes(), name)
    if labels is not None and (len(labels) != count if count else golden.shape[1] > 1 or not whole):
        raise InputError(
            f"labels: got {len(labels)} of {name}, expected "
            + (f"{count}, one for each class" if count else "none: it is no class, but numbers")
        )
    classes = list(labels) if labels else [str(i) for i in range(count)] if count else None
    values: list[float] = [int(golden[0].argmax())] if one_hot else golden[0].tolist()
    return {
        "one_hot": one_hot,
        "classes": classes if classes is None or len(classes) <= MOST_CLASSES else None,
        "initial": [int(value) for value in values] if whole else values,
        "step": 1 if whole else "any",
    }


def _is_one_hot(rows: Array) -> bool:
    return bool(np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all())
