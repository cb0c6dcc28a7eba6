"""Which tensor of a quantised file is which one of the float file.

The quantiser of .onnx files names tensors anew, and int8 .tflite files come of another lowering than the
float file in the bundle. So tensors are matched by what makes them: those of the same operator that takes
the same tensors are the same, and so are those that the same operator makes the same tensor of. Inputs and
outputs have their names. What is left over is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator

from vae_export.core.trace import INPUT, Key, Layer, Outline

__all__ = ["match_tensors"]

# Kinds that stand for one another. Both formats' names: none means two things.
_SAME_KIND = {"Gemm": "MatMul", "MatMulInteger": "MatMul"}


def match_tensors(quantised: Outline, exact: Outline) -> dict[Key, Key]:
    """Tensors of a quantised file -> those of the float file.

    Args:
        quantised, exact: of the two files.
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
    """Inputs and outputs."""
    inputs = {layer.name: layer.key for layer in exact.layers if layer.kind == INPUT}
    for layer in quantised.layers:
        if layer.kind == INPUT and layer.name in inputs:
            yield layer.key, inputs[layer.name]
    for name, key in quantised.outputs.items():
        if name in exact.outputs:
            yield key, exact.outputs[name]


def _forwards(found: dict[Key, Key], layers: dict[Key, Layer], others: dict[Key, Layer]) -> None:
    """The same operator, on the same tensors. Of several such the order decides, unless names do."""
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
    """What the same operator makes the same tensor of."""
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
