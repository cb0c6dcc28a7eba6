"""Ranges of the tensors of a TFLite file on calibration rows: exact extremes, measured in every signature.

The quantisers' own moving average over calibration batches clips values that the last batches lack: the KL
divergence of the reference encoders is 5 to 116 with it, and 0.02 with extremes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from vae_export.errors import ConversionError
from vae_export.formats.tflite.operators import SAME_VALUES
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.formats.tflite.quantise.layers import Tensor
from vae_export.private.litert import read_model, schema

__all__ = [
    "Ranges",
    "cut_logits",
    "join_selected",
    "measure_ranges",
    "outputs_of",
    "widen",
]

Array = np.ndarray[Any, Any]
# (smallest, largest) value. Every range holds 0, which padding and ReLU need. Ranges are rounded outwards a
# little: kernels for one row and for many differ in the last bit, but signatures should be equal.
Ranges = dict[Tensor, tuple[float, float]]

# The levels of an 8-bit sigmoid are 1/256 apart; beyond these logits its nearest level is 0 or 1.
_LARGEST_LOGIT = math.log(511)
# Batch size for a signature of any batch size.
_ANY = 64


def measure_ranges(data: bytes, inputs: Mapping[str, Array], file: str) -> Ranges:
    """Run a float32 file on calibration rows.

    Args:
        data: the file. Each signature runs all rows in batches of its size; the last batch is filled with
            repeated rows, which change no extreme.
        inputs: rows ``[n, ...]`` by input.
        file: for messages.

    Returns:
        The ranges of the float32 inputs and of the float32 outputs of operators. Weights have none: given
        one, litert-quantizer silently quantises them with a single scale for all channels.

    Raises:
        ConversionError: a tensor is not finite, or a subgraph belongs to no signature.
    """
    model = read_model(data)
    if len(model.subgraphs) != len(model.signatureDefs):
        raise ConversionError(
            f"{file}: {len(model.subgraphs)} subgraphs for {len(model.signatureDefs)} signatures, expected "
            "one each: loops and branches have no ranges; use float16 or dynamic-int8"
        )
    interpreter = Interpreter(
        model_content=data,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        # Delegates do not keep intermediate tensors.
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    ranges: Ranges = {}
    for signature in model.signatureDefs:
        subgraph = signature.subgraphIndex
        run = interpreter.get_signature_runner(signature.signatureKey.decode())
        tensors = _computed(model.subgraphs[subgraph])
        for batch in _batches(inputs, _batch_size(model, signature)):
            run(**batch)
            for index in tensors:
                values = interpreter.get_tensor(index, subgraph)
                low, high = ranges.get((subgraph, index), (0.0, 0.0))
                # Unlike min and max, these keep a NaN.
                low, high = np.minimum(low, values.min()), np.maximum(high, values.max())
                ranges[subgraph, index] = float(low), float(high)
    for (subgraph, index), bounds in ranges.items():
        if not np.isfinite(bounds).all():
            name = model.subgraphs[subgraph].tensors[index].name.decode()
            raise ConversionError(
                f"{file}: {name} goes from {bounds[0]:g} to {bounds[1]:g} on the calibration rows, expected "
                "finite values; look for samples on which the model itself is not finite"
            )
    return {tensor: (-_rounded_up(-low), _rounded_up(high)) for tensor, (low, high) in ranges.items()}


def _rounded_up(value: float) -> float:
    """The next float with a mantissa of 10 bits, for a bound of at least 0."""
    mantissa, exponent = math.frexp(value)
    return math.ldexp(math.ceil(math.ldexp(mantissa, 10)), exponent - 10)


def _computed(graph: Any) -> list[int]:
    made = [int(index) for operator in graph.operators for index in operator.outputs]
    indices = dict.fromkeys((*map(int, graph.inputs), *made))
    return [index for index in indices if graph.tensors[index].type == schema.TensorType.FLOAT32]


def _batch_size(model: Any, signature: Any) -> int | None:
    """The batch size of a signature; None for any."""
    tensor = model.subgraphs[signature.subgraphIndex].tensors[signature.inputs[0].tensorIndex]
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return None if sizes[0] < 0 else int(sizes[0])


def _batches(inputs: Mapping[str, Array], size: int | None) -> Iterator[dict[str, Array]]:
    count = len(next(iter(inputs.values())))
    size = size or min(count, _ANY)
    for start in range(0, count, size):
        indices = np.arange(start, start + size) % count
        yield {name: np.ascontiguousarray(rows[indices]) for name, rows in inputs.items()}


def cut_logits(model: Any, ranges: Ranges) -> Ranges:
    """Clip the ranges of the logits of a final sigmoid to what its 8-bit output can distinguish.

    The logits of a trained decoder reach -124. One of 255 steps then covers half of the range in which pixels
    are gray; clipped, the reference decoders gain 3 and 10 dB. Not for 16-bit activations, which distinguish
    larger logits.

    Args:
        model: the `schema.ModelT` of the float file.
        ranges: of its tensors.
    """
    cut = dict(ranges)
    for subgraph, graph in enumerate(model.subgraphs):
        makers = _makers(graph)
        ends = {index for output in graph.outputs for index in _same_values(model, graph, int(output))}
        for operator in graph.operators:
            if kind_of(model, operator) != "LOGISTIC" or int(operator.outputs[0]) not in ends:
                continue
            logits = _same_values(model, graph, int(operator.inputs[0]))
            # Not where another operator takes the logits, or where they are an input of the graph.
            if logits.isdisjoint(map(int, graph.outputs)) and _taken_once(graph, logits, makers):
                for index in logits & {index for _, index in ranges}:
                    low, high = ranges[subgraph, index]
                    cut[subgraph, index] = max(low, -_LARGEST_LOGIT), min(high, _LARGEST_LOGIT)
    return cut


def join_selected(model: Any, ranges: Ranges) -> Ranges:
    """Give the inputs and the output of each SELECT one common range, for 8-bit activations.

    TensorFlow's quantiser gives all of them the range of the output, also where an input has further uses: a
    softplus selects by its own input, which is then clipped in the other branch too.

    Args:
        model: the `schema.ModelT` of the float file.
        ranges: of its tensors.
    """
    joined = dict(ranges)
    for subgraph, graph in enumerate(model.subgraphs):
        groups = [
            [tensor for index in (*o.inputs, *o.outputs) if (tensor := (subgraph, int(index))) in ranges]
            for o in graph.operators
            if kind_of(model, o) in ("SELECT", "SELECT_V2")
        ]
        # Integers have no ranges.
        groups = [group for group in groups if group]
        # A later group may widen an earlier one.
        for group in groups * len(groups):
            lows, highs = zip(*(joined[tensor] for tensor in group), strict=True)
            joined.update(dict.fromkeys(group, (min(lows), max(highs))))
    return joined


def outputs_of(model: Any) -> frozenset[Tensor]:
    """The outputs of a graph, and their ancestors with the same values.

    Args:
        model: the `schema.ModelT` of the float file.
    """
    return frozenset(
        (subgraph, index)
        for subgraph, graph in enumerate(model.subgraphs)
        for output in graph.outputs
        for index in _same_values(model, graph, int(output))
    )


def widen(ranges: Ranges, margin: float, tensors: Collection[Tensor]) -> Ranges:
    """Widen ranges, for values beyond those of the calibration rows.

    Args:
        ranges: of tensors.
        margin: added width, as a fraction of the range.
        tensors: the tensors whose ranges are widened.
    """

    def wider(low: float, high: float) -> tuple[float, float]:
        room = (high - low) * margin / 2
        return low - room, high + room

    return {tensor: wider(*ends) if tensor in tensors else ends for tensor, ends in ranges.items()}


def _makers(graph: Any) -> dict[int, Any]:
    return {int(index): operator for operator in graph.operators for index in operator.outputs}


def _same_values(model: Any, graph: Any, tensor: int) -> set[int]:
    """A tensor and its ancestors through value-preserving operators: one scale, so one range."""
    makers, found, waiting = _makers(graph), set(), [tensor]
    while waiting:
        index = waiting.pop()
        found.add(index)
        maker = makers.get(index)
        if maker is not None and kind_of(model, maker) in SAME_VALUES:
            inputs = [int(source) for source in maker.inputs]
            floats = schema.TensorType.FLOAT32
            waiting.extend(i for i in inputs if i not in found and graph.tensors[i].type == floats)
    return found


def _taken_once(graph: Any, tensors: set[int], makers: Mapping[int, Any]) -> bool:
    """Whether each tensor is the output of an operator and the input of exactly one."""
    takers = [int(index) for operator in graph.operators for index in operator.inputs]
    return all(index in makers and takers.count(index) == 1 for index in tensors)
