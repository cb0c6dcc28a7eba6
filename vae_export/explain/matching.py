"""Match the tensors of a quantised file with those of the float file.

Names are no help: the quantiser of .onnx files renames tensors, and int8 .tflite files have another lowering
than the float file in the bundle. Inputs and outputs match by name. From them, tensors match if the same
operator computes them from matching tensors, or computes matching tensors from them. Other tensors stay
unmatched.
"""

from __future__ import annotations

from collections.abc import Iterator

from vae_export.core.trace import INPUT, Key, Layer, Outline

__all__ = ["match_tensors"]

# Equivalent kinds, of both formats: no name has two meanings.
_SAME_KIND = {"Gemm": "MatMul", "MatMulInteger": "MatMul"}


def match_tensors(quantised: Outline, exact: Outline) -> dict[Key, Key]:
    """Tensor of the quantised file -> tensor of the float file.

    Args:
        quantised, exact: the outlines of the two files.
    """
    found = dict(_by_name(quantised, exact))
    layers, others = ({layer.key: layer for layer in outline.layers} for outline in (quantised, exact))
    before = -1
    while len(found) > before:
        before = len(found)
        _forwards(found, layers, others)
        _backwards(found, layers, others)
    return found


def _by_name(quantised: Outline, exact: Outline) -> Iterator[tuple[Key, Key]]:
    """Match inputs and outputs."""
    inputs = {layer.name: layer.key for layer in exact.layers if layer.kind == INPUT}
    for layer in quantised.layers:
        if layer.kind == INPUT and layer.name in inputs:
            yield layer.key, inputs[layer.name]
    for name, key in quantised.outputs.items():
        if name in exact.outputs:
            yield key, exact.outputs[name]


def _forwards(found: dict[Key, Key], layers: dict[Key, Layer], others: dict[Key, Layer]) -> None:
    """Match outputs of the same operator on matching inputs; several by name, else by order."""
    taken = set(found.values())
    for layer in layers.values():
        if layer.key in found or not layer.sources or any(source not in found for source in layer.sources):
            continue
        sources = tuple(found[source] for source in layer.sources)
        alike = [
            other
            for other in others.values()
            if other.key not in taken and other.sources == sources and _alike(layer, other)
        ]
        if alike:
            chosen = next((other for other in alike if other.name == layer.name), alike[0])
            found[layer.key] = chosen.key
            taken.add(chosen.key)


def _backwards(found: dict[Key, Key], layers: dict[Key, Layer], others: dict[Key, Layer]) -> None:
    """Match inputs of the same operator with matching outputs."""
    taken = set(found.values())
    for layer in reversed(layers.values()):
        other = others.get(found.get(layer.key))
        if other is None or not _alike(layer, other) or len(layer.sources) != len(other.sources):
            continue
        for source, twin in zip(layer.sources, other.sources, strict=True):
            if source not in found and twin not in taken and layers[source].shape == others[twin].shape:
                found[source] = twin
                taken.add(twin)


def _alike(layer: Layer, other: Layer) -> bool:
    kinds = {_SAME_KIND.get(one.kind, one.kind) for one in (layer, other)}
    return len(kinds) == 1 and layer.shape == other.shape and layer.stored == other.stored
