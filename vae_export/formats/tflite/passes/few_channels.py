"""Convolutions with the few output channels of a picture.

Kernels compute many output channels at a time, needed or not; see `cost`. The same sums in another order
leave no lane idle:

- one channel: a depthwise convolution multiplies, a 1x1 convolution with ones sums.
- two or three: a 1x1 convolution has the products of each weight with its input as channels; a depthwise
  convolution with ones shifts each product to its pixel, and a 1x1 convolution with ones sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.formats.tflite.passes.cost import DEPTHWISE, FEW_CHANNELS, round_up_to_lanes
from vae_export.formats.tflite.passes.graph import TfliteGraph
from vae_export.private.litert import schema

__all__ = ["lower_few_channels"]

Array = np.ndarray[Any, Any]

# Largest remaining fraction of a layer's cost that is worth more operators.
_WORTHWHILE = 0.75


@dataclass(frozen=True)
class _FewChannelConvolution:
    """A convolution with stride 1.

    Attributes:
        x, output: tensors.
        kernel: ``[output channels, height, width, input channels]``.
        bias: ``[output channels]``.
        padding, activation: the schema's codes.
    """

    x: int
    output: int
    kernel: Array
    bias: Array
    padding: int
    activation: int


def lower_few_channels(graph: TfliteGraph, operator: Any, _: int) -> list[Any] | None:
    """Lower a float32 CONV_2D with up to three output channels; None to keep it.

    Args:
        graph: the subgraph of the operator; tensors are added.
        operator: the CONV_2D.
    """
    layer = _read(graph, operator)
    if layer is None:
        return None
    channels, height, width, depth = layer.kernel.shape
    taps = height * width
    if channels > FEW_CHANNELS or taps == 1:
        return None
    if channels == 1:
        cost = DEPTHWISE * taps * depth + round_up_to_lanes(1) * depth
        lower = _one_channel
    else:
        products = taps * channels
        summed = DEPTHWISE * taps * products + round_up_to_lanes(channels) * products
        cost = round_up_to_lanes(products) * depth + summed
        lower = _several_channels
    return lower(graph, layer) if cost < _WORTHWHILE * taps * depth * round_up_to_lanes(channels) else None


def _read(graph: TfliteGraph, operator: Any) -> _FewChannelConvolution | None:
    """The convolution of an operator; None if it is strided, dilated, grouped or has computed weights."""
    options = operator.builtinOptions
    if {options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor} != {1}:
        return None
    x, weights, bias = (int(tensor) for tensor in operator.inputs)
    kernel, biases = graph.constant(weights), graph.constant(bias)
    # The kernel of a grouped convolution has fewer input channels than the input.
    if kernel is None or biases is None or kernel.shape[3] != graph.shape(x)[3]:
        return None
    if kernel.dtype != np.float32:
        return None
    (output,) = (int(tensor) for tensor in operator.outputs)
    return _FewChannelConvolution(x, output, kernel, biases, options.padding, options.fusedActivationFunction)


def _one_channel(graph: TfliteGraph, layer: _FewChannelConvolution) -> list[Any]:
    depth = layer.kernel.shape[3]
    none = graph.add_constant(np.zeros(depth, np.float32))
    products = graph.add_tensor((*graph.shape(layer.output)[:3], depth))
    multiplied = [layer.x, graph.add_constant(layer.kernel), none]
    return [
        graph.operator("DEPTHWISE_CONV_2D", multiplied, products, _depthwise(layer.padding)),
        _add_up(graph, layer, products, np.ones((1, depth), np.float32)),
    ]


def _several_channels(graph: TfliteGraph, layer: _FewChannelConvolution) -> list[Any]:
    channels, height, width, depth = layer.kernel.shape
    taps = height * width
    # Product number tap * channels + channel.
    weights = layer.kernel.transpose(1, 2, 0, 3).reshape(taps * channels, 1, 1, depth)
    shifts = np.eye(taps, dtype=np.float32).repeat(channels, axis=1)
    none = graph.add_constant(np.zeros(taps * channels, np.float32))
    products = graph.add_tensor((*graph.shape(layer.x)[:3], taps * channels))
    moved = graph.add_tensor((*graph.shape(layer.output)[:3], taps * channels))
    multiplied = [layer.x, graph.add_constant(np.ascontiguousarray(weights)), none]
    placed = [products, graph.add_constant(shifts.reshape(1, height, width, taps * channels)), none]
    return [
        graph.operator("CONV_2D", multiplied, products, _pointwise(schema.ActivationFunctionType.NONE)),
        graph.operator("DEPTHWISE_CONV_2D", placed, moved, _depthwise(layer.padding)),
        _add_up(graph, layer, moved, np.tile(np.eye(channels, dtype=np.float32), taps)),
    ]


def _add_up(graph: TfliteGraph, layer: _FewChannelConvolution, products: int, which: Array) -> Any:
    """Sum the products to the layer's output. Not with the operator SUM, which older delegates refuse.

    Args:
        graph: the subgraph.
        layer: the convolution.
        products: the tensor of products.
        which: ``[output channels, products]``, 1 where a product belongs to a channel, else 0.
    """
    ones = graph.add_constant(which[:, None, None])
    inputs = [products, ones, graph.add_constant(layer.bias)]
    return graph.operator("CONV_2D", inputs, layer.output, _pointwise(layer.activation))


def _depthwise(padding: int) -> Any:
    options = schema.DepthwiseConv2DOptionsT()
    options.strideH = options.strideW = options.depthMultiplier = 1
    options.padding = padding
    return options


def _pointwise(activation: int) -> Any:
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    options.padding = schema.Padding.VALID
    options.fusedActivationFunction = activation
    return options
