"""Lower transposed convolutions to plain ones.

The outputs of a phase (see `phases`) are a plain convolution; the phases are interleaved to the output.
Standard operators compute that in two ways:

- sub-pixel convolution (Shi et al. 2016, arXiv:1609.05158): all phases as channels of one convolution, with
  the union of their windows. It fills vector registers where a layer has few output channels.
- one convolution for each phase, with the weights of the phase alone.

XNNPACK's own strided transposed convolution runs a kernel on as many rows of the output as the batch has
images. Below four images it loads weights for little work, and an image takes three times as long as in
larger batches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.formats.tflite.passes.cost import FEW_CHANNELS, round_up_to_lanes
from vae_export.formats.tflite.passes.graph import TfliteGraph
from vae_export.formats.tflite.passes.phases import Window, margins, phase_kernel, widened, windows
from vae_export.private.litert import schema

__all__ = ["lower_transposed_convolution"]

Array = np.ndarray[Any, Any]

# Measured: the time of XNNPACK's own operator in smaller batches, relative to larger ones.
_SMALL_BATCH, _SMALL_BATCH_FACTOR = 4, 2.5


@dataclass(frozen=True)
class _TransposedConvolution:
    """A transposed convolution; pairs are vertical and horizontal.

    Attributes:
        x, output: tensors.
        kernel: ``[output channels, height, width, input channels]``.
        bias: ``[output channels]``.
        strides: of the output.
        padding: number of cropped outputs before the first.
        sizes: sizes of the input.
        outputs: number of outputs of each phase.
        activation: the schema's code.
    """

    x: int
    output: int
    kernel: Array
    bias: Array
    strides: tuple[int, int]
    padding: tuple[int, int]
    sizes: tuple[int, int]
    outputs: tuple[int, int]
    activation: int

    @property
    def phases(self) -> int:
        """The number of phases."""
        return math.prod(self.strides)


def lower_transposed_convolution(graph: TfliteGraph, operator: Any, smallest_batch: int) -> list[Any] | None:
    """Lower a float32 TRANSPOSE_CONV; None where XNNPACK's own is the fastest.

    Args:
        graph: the subgraph of the operator; tensors are added.
        operator: the TRANSPOSE_CONV.
        smallest_batch: the smallest batch size of the signatures, which share their weights.
    """
    layer = _read(graph, operator)
    if layer is None:
        return None
    narrow = [
        windows(*axis) for axis in zip(layer.kernel.shape[1:3], layer.strides, layer.padding, strict=True)
    ]
    wide = [widened(axis) for axis in narrow]
    way = _cheapest(layer, wide, smallest_batch)
    if way is None:
        return None
    chosen = list(itertools.product(*{"phases": narrow, "sub-pixel": wide}[way]))
    around = [
        [margins(*axis) for axis in zip(window, layer.sizes, layer.outputs, strict=True)] for window in chosen
    ]
    if np.min(around) < 0 or not all(axis.taps for window in chosen for axis in window):
        return None
    kernels = [phase_kernel(layer.kernel, window) for window in chosen]
    if way == "sub-pixel":
        kernels, around = [np.concatenate(kernels)], around[:1]
    operators, parts = [], []
    for kernel, zeros in zip(kernels, around, strict=True):
        more, part = _convolve(graph, layer, kernel, zeros)
        operators += more
        parts.append(part)
    return operators + _interleave(graph, layer, parts)


def _read(graph: TfliteGraph, operator: Any) -> _TransposedConvolution | None:
    """The transposed convolution of an operator; None if it cannot be lowered."""
    _, weights, x, *rest = (int(tensor) for tensor in operator.inputs)
    (output,) = (int(tensor) for tensor in operator.outputs)
    kernel, options = graph.constant(weights), operator.builtinOptions
    if kernel is None or kernel.dtype != np.float32:
        return None
    bias = graph.constant(rest[0]) if rest and rest[0] >= 0 else np.zeros(len(kernel), np.float32)
    vertical, horizontal = strides = (int(options.strideH), int(options.strideW))
    sizes, output_sizes = graph.shape(x)[1:3], graph.shape(output)[1:3]
    # DEPTH_TO_SPACE has one block size for both axes; for a single row RESHAPE is enough.
    if bias is None or not (vertical == horizontal or (vertical == 1 and sizes[0] == 1)):
        return None
    if output_sizes[0] % vertical or output_sizes[1] % horizontal:
        return None
    outputs = (output_sizes[0] // vertical, output_sizes[1] // horizontal)
    padding = (0, 0)
    if options.padding == schema.Padding.SAME:
        rows, columns = (
            max(0, (count - 1) * stride + taps - size) // 2
            for count, stride, taps, size in zip(
                outputs, strides, kernel.shape[1:3], output_sizes, strict=True
            )
        )
        padding = (rows, columns)
    activation = int(options.fusedActivationFunction)
    return _TransposedConvolution(
        x, output, kernel, bias, strides, padding, (sizes[0], sizes[1]), outputs, activation
    )


def _cheapest(
    layer: _TransposedConvolution, wide: Sequence[Sequence[Window]], smallest_batch: int
) -> str | None:
    """The cheapest way: "phases", "sub-pixel", or None for XNNPACK's own operator."""
    channels = len(layer.kernel)
    if layer.phases == 1:
        # As fast as a plain convolution, which `few_channels` may lower further.
        return "sub-pixel" if channels <= FEW_CHANNELS else None
    exact = math.prod(layer.kernel.shape[1:3]) * round_up_to_lanes(channels)
    costs = {
        "sub-pixel": math.prod(len(axis[0].taps) for axis in wide)
        * round_up_to_lanes(channels * layer.phases),
        None: exact * (_SMALL_BATCH_FACTOR if smallest_batch < _SMALL_BATCH else 1),
        "phases": exact,
    }
    return min(costs, key=costs.__getitem__)


def _convolve(
    graph: TfliteGraph, layer: _TransposedConvolution, kernel: Array, zeros: list[tuple[int, int]]
) -> tuple[list[Any], int]:
    """Operators of a convolution with stride 1, and the index of their output.

    Args:
        graph: the subgraph.
        layer: the layer with the input, bias and activation.
        kernel: ``[output channels, height, width, input channels]``.
        zeros: (before, after) padding of the input, vertical and horizontal.
    """
    operators, x = [], layer.x
    batch, *sizes, depth = graph.shape(x)
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    options.fusedActivationFunction = layer.activation
    options.padding = schema.Padding.SAME
    if zeros != [((taps - 1) // 2, taps // 2) for taps in kernel.shape[1:3]]:
        options.padding = schema.Padding.VALID
        sizes = [before + size + after for size, (before, after) in zip(sizes, zeros, strict=True)]
        x = graph.add_tensor((batch, *sizes, depth))
        amounts = graph.add_constant(np.array([(0, 0), *zeros, (0, 0)], np.int32))
        operators.append(graph.operator("PAD", [layer.x, amounts], x, schema.PadOptionsT()))
    output = layer.output
    if layer.phases > 1:
        output = graph.add_tensor((batch, *layer.outputs, len(kernel)))
    bias = graph.add_constant(np.tile(layer.bias, len(kernel) // len(layer.bias)))
    inputs = [x, graph.add_constant(kernel), bias]
    return [*operators, graph.operator("CONV_2D", inputs, output, options)], output


def _interleave(graph: TfliteGraph, layer: _TransposedConvolution, parts: list[int]) -> list[Any]:
    """Operators that interleave the phases to the layer's output.

    Args:
        graph: the subgraph.
        layer: the transposed convolution.
        parts: the phases, row by row, as tensors of their own or as the channels of one tensor.
    """
    if parts == [layer.output]:
        return []
    operators: list[Any] = []
    joined = parts[0]
    if len(parts) > 1:
        joined = graph.add_tensor((*graph.shape(parts[0])[:3], len(layer.kernel) * layer.phases))
        operators += graph.concatenation(parts, 3, joined)
    if layer.strides[0] == 1:
        operators.append(_reshape(graph, joined, layer.output))
    else:
        blocks = schema.DepthToSpaceOptionsT()
        blocks.blockSize = layer.strides[0]
        batch, height, width, channels = graph.shape(layer.output)
        if batch == 1:
            return [*operators, graph.operator("DEPTH_TO_SPACE", [joined], layer.output, blocks)]
        # LiteRT.js' WebGPU kernel does not compile for several images: stack them to a single one.
        rows, columns, depth = graph.shape(joined)[1:]
        tall, laid = (
            graph.add_tensor(shape)
            for shape in ((1, batch * rows, columns, depth), (1, batch * height, width, channels))
        )
        operators += [
            _reshape(graph, joined, tall),
            graph.operator("DEPTH_TO_SPACE", [tall], laid, blocks),
            _reshape(graph, laid, layer.output),
        ]
    return operators


def _reshape(graph: TfliteGraph, x: int, output: int) -> Any:
    shape = graph.add_constant(np.array(graph.shape(output), np.int32))
    return graph.operator("RESHAPE", [x, shape], output, schema.ReshapeOptionsT())
