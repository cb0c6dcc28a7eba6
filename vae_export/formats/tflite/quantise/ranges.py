"""Ranges of the tensors of a TFLite file on calibration rows: exact extremes, measured in every signature.

Extremes and no averages: a moving average over calibration batches, the quantisers' own way, cuts off what
the last batches lack (KL of the reference encoders 5 to 116 instead of 0.02).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from vae_export.errors import ConversionError
from vae_export.formats.tflite.operators import SAME_VALUES
from vae_export.formats.tflite.quantise.layers import Tensor, kind_of
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
# (smallest, largest) value; 0 is in every range, as all that is padded with zeros and cut at zero needs it.
# Rounded outwards a little: kernels for one row and for many differ in the last bit; signatures should not.
Ranges = dict[Tensor, tuple[float, float]]

# The codes of an 8-bit sigmoid are 1/256 apart; beyond these logits it is nearer to 0 or 1 than to any other.
_LARGEST_LOGIT = math.log(511)
# Rows at a time where a signature takes any number.
_ANY = 64


def measure_ranges(data: bytes, inputs: Mapping[str, Array], file: str) -> Ranges:
    """Run a float32 file on calibration rows.

    Args:
        data: the file. Each of its signatures is run on all rows, cut into its batches; the last batch is
            filled up by repetition, which changes no extreme.
        inputs: rows ``[n, ...]`` by input.
        file: for messages.

    Returns:
        Of all that operators make and of inputs, as far as it is float32. Not of weights: a range for them
        makes litert-quantizer quantise them with one scale for all channels, without a word.

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
        # Delegates do not leave what they compute in between.
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
                "finite values; look for rows the model has no answer to"
            )
    return {tensor: (-_rounded_up(-low), _rounded_up(high)) for tensor, (low, high) in ranges.items()}


def _rounded_up(value: float) -> float:
    """A bound from zero on, to the next float with a mantissa of 10 bits."""
    mantissa, exponent = math.frexp(value)
    return math.ldexp(math.ceil(math.ldexp(mantissa, 10)), exponent - 10)


def _computed(graph: Any) -> list[int]:
    made = [int(index) for operator in graph.operators for index in operator.outputs]
    indices = dict.fromkeys((*map(int, graph.inputs), *made))
    return [index for index in indices if graph.tensors[index].type == schema.TensorType.FLOAT32]


def _batch_size(model: Any, signature: Any) -> int | None:
    """None for any."""
    tensor = model.subgraphs[signature.subgraphIndex].tensors[signature.inputs[0].tensorIndex]
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return None if sizes[0] < 0 else int(sizes[0])


def _batches(inputs: Mapping[str, Array], size: int | None) -> Iterator[dict[str, Array]]:
    count = len(next(iter(inputs.values())))
    size = size or min(count, _ANY)
    for start in range(0, count, size):
        places = np.arange(start, start + size) % count
        yield {name: np.ascontiguousarray(rows[places]) for name, rows in inputs.items()}


def cut_logits(model: Any, ranges: Ranges) -> Ranges:
    """Ranges for activations of 8 bits: a sigmoid at the end takes no larger logits than it can tell.

    Logits of trained decoders go to -124, where one of 255 steps is half the range in which pixels are gray:
    so cut, the reference decoders gain 3 and 10 dB. Activations of 16 bits do tell, and lose by it.

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
            # What else takes them may need all of them, and so may who made them if that is the input.
            if logits.isdisjoint(map(int, graph.outputs)) and _taken_once(graph, logits, makers):
                for index in logits & {index for _, index in ranges}:
                    low, high = ranges[subgraph, index]
                    cut[subgraph, index] = max(low, -_LARGEST_LOGIT), min(high, _LARGEST_LOGIT)
    return cut


def join_selected(model: Any, ranges: Ranges) -> Ranges:
    """Ranges for activations of 8 bits: what a SELECT chooses from, and what it makes, have one range.

    TensorFlow's quantiser gives them the one of what it makes, wherever else they go: of a softplus, which
    selects by how large its input is, it cuts the input off for the other branch too.

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
        # Of integers there are no ranges.
        groups = [group for group in groups if group]
        # Each may widen those that came before.
        for group in groups * len(groups):
            lows, highs = zip(*(joined[tensor] for tensor in group), strict=True)
            joined.update(dict.fromkeys(group, (min(lows), max(highs))))
    return joined


def outputs_of(model: Any) -> frozenset[Tensor]:
    """The outputs of a graph, and what they are put together of.

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
    """Ranges with room for what the calibration rows lack.

    Args:
        ranges: of tensors.
        margin: how much wider, as a part of the range.
        tensors: which of them.
    """

    def wider(low: float, high: float) -> tuple[float, float]:
        room = (high - low) * margin / 2
        return low - room, high + room

    return {tensor: wider(*ends) if tensor in tensors else ends for tensor, ends in ranges.items()}


def _makers(graph: Any) -> dict[int, Any]:
    return {int(index): operator for operator in graph.operators for index in operator.outputs}


def _same_values(model: Any, graph: Any, tensor: int) -> set[int]:
    """A tensor and all that it was put together of: they get one scale, so their ranges have to agree."""
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
    """Whether each of some tensors was computed, and is taken by a single operator."""
    takers = [int(index) for operator in graph.operators for index in operator.inputs]
    return all(index in makers and takers.count(index) == 1 for index in tensors)
