"""Convolutions with the few output channels of a picture.

Kernels of vector instructions compute many output channels at a time, whether they are wanted or not; see
`cost`. The same sums in another order leave nothing idle:

- one channel: a depthwise convolution multiplies, a 1x1 convolution with ones adds up.
- two or three: the products of each weight with its input are the channels of a 1x1 convolution; a depthwise
  convolution with ones moves each to where it belongs, and a 1x1 convolution with ones adds them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vae_export.formats.tflite.passes.cost import DEPTHWISE, FEW_CHANNELS, padded
from vae_export.formats.tflite.passes.graph import TfliteGraph
from vae_export.private.litert import schema

__all__ = ["lower_few_channels"]

Array = np.ndarray[Any, Any]

# What is left of a layer's cost has to be less than this to be worth more operators.
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
    """Operators for a CONV_2D of float32 with up to three output channels, or None to leave it as it is.

    Args:
        graph: where it is; tensors are added.
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
        cost = DEPTHWISE * taps * depth + padded(1) * depth
        lower = _one_channel
    else:
        products = taps * channels
        cost = padded(products) * depth + DEPTHWISE * taps * products + padded(channels) * products
        lower = _several_channels
    return lower(graph, layer) if cost < _WORTHWHILE * taps * depth * padded(channels) else None


def _read(graph: TfliteGraph, operator: Any) -> _FewChannelConvolution | None:
    """The layer of an operator, if it is a plain one."""
    options = operator.builtinOptions
    if {options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor} != {1}:
        return None
    x, weights, bias = (int(tensor) for tensor in operator.inputs)
    kernel, biases = graph.constant(weights), graph.constant(bias)
    # Kernels of grouped convolutions have fewer input channels than there are.
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
    places = np.eye(taps, dtype=np.float32).repeat(channels, axis=1)
    none = graph.add_constant(np.zeros(taps * channels, np.float32))
    products = graph.add_tensor((*graph.shape(layer.x)[:3], taps * channels))
    moved = graph.add_tensor((*graph.shape(layer.output)[:3], taps * channels))
    multiplied = [layer.x, graph.add_constant(np.ascontiguousarray(weights)), none]
    placed = [products, graph.add_constant(places.reshape(1, height, width, taps * channels)), none]
    return [
        graph.operator("CONV_2D", multiplied, products, _pointwise(schema.ActivationFunctionType.NONE)),
        graph.operator("DEPTHWISE_CONV_2D", placed, moved, _depthwise(layer.padding)),
        _add_up(graph, layer, moved, np.tile(np.eye(channels, dtype=np.float32), taps)),
    ]


def _add_up(graph: TfliteGraph, layer: _FewChannelConvolution, products: int, which: Array) -> Any:
    """The layer's output, of its products. Not by the operator SUM: older delegates do not take it.

    Args:
        graph: where it goes.
        layer: the convolution.
        products: a tensor.
        which: ones where a product belongs to a channel: ``[output channels, products]``.
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
