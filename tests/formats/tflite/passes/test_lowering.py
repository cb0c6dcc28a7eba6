"""Each rule on layers with random weights, in LiteRT, against the file as the converter made it."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.formats.lowered import Lowered
from vae_export.formats.tflite.passes.few_channels import lower_few_channels
from vae_export.formats.tflite.passes.graph import TfliteGraph
from vae_export.private.litert import schema

TOLERANCE = 1e-6


def transposed(channels, kernel, strides, padding="same", **options):
    return layers.Conv2DTranspose(channels, kernel, strides=strides, padding=padding, **options)


PHASES = {"PAD": 3, "CONV_2D": 4, "CONCATENATION": 1, "DEPTH_TO_SPACE": 1}


@pytest.mark.parametrize(
    ("shape", "layer", "expected"),
    [
        ((7, 7, 6), transposed(32, 3, 2, activation="relu"), PHASES),
        ((5, 7, 6), transposed(32, 4, 2), PHASES | {"PAD": 3}),
        ((4, 4, 3), transposed(33, 5, 2, use_bias=False), PHASES),
        ((4, 5, 3), transposed(20, (3, 5), 3), {"CONV_2D": 9, "CONCATENATION": 2, "DEPTH_TO_SPACE": 1}),
        ((7, 7, 6), transposed(3, 3, 2, activation="relu6"), {"PAD": 1, "CONV_2D": 1, "DEPTH_TO_SPACE": 1}),
        ((7, 7, 6), transposed(32, 2, 2), {"CONV_2D": 1, "DEPTH_TO_SPACE": 1}),
        ((7, 7, 6), transposed(4, 2, 2, "valid"), {"CONV_2D": 1, "DEPTH_TO_SPACE": 1}),
        ((8, 8, 6), transposed(3, 4, 2), {"CONV_2D": 1, "DEPTH_TO_SPACE": 1}),
        ((7, 7, 32), transposed(1, 3, 1), {"DEPTHWISE_CONV_2D": 1, "CONV_2D": 1}),
        ((7, 7, 32), transposed(1, 4, 1), {"PAD": 1, "DEPTHWISE_CONV_2D": 1, "CONV_2D": 1}),
        ((7, 7, 32), transposed(3, 3, 1, activation="relu"), {"DEPTHWISE_CONV_2D": 1, "CONV_2D": 2}),
    ],
    ids=lambda value: None if isinstance(value, keras.layers.Layer) else str(value).replace(" ", ""),
)
def test_transposed_convolutions_are_plain_ones(shape, layer, expected):
    lowered = Lowered(shape, layer)
    assert lowered.before["TRANSPOSE_CONV"] == 1
    assert lowered.after["TRANSPOSE_CONV"] == 0
    assert {kind: lowered.after[kind] for kind in expected} == expected
    assert lowered.difference < TOLERANCE
    assert lowered.partitions == 1


@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("channels", [2, 32])
def test_along_one_axis_the_phases_are_joined_by_a_reshape(kernel, channels):
    lowered = Lowered((7, 6), layers.Conv1DTranspose(channels, kernel, strides=2, padding="same"))
    assert lowered.before["TRANSPOSE_CONV"] == 1
    assert lowered.after["TRANSPOSE_CONV"] == lowered.after["DEPTH_TO_SPACE"] == 0
    assert lowered.difference < TOLERANCE
    assert lowered.partitions == 1


@pytest.mark.parametrize(
    ("shape", "layer", "smallest_batch"),
    [
        pytest.param((7, 7, 6), transposed(32, 3, 2), 4, id="batches large enough for XNNPACK's own"),
        pytest.param((7, 7, 6), transposed(32, 3, 1), 1, id="no stride"),
        pytest.param((7, 7, 6), transposed(32, 3, (1, 2)), 1, id="stride along one axis of two"),
        pytest.param((7, 7, 6), transposed(32, 3, 2, "valid"), 1, id="an odd number of outputs"),
        pytest.param((7, 7, 6), transposed(32, 1, 2), 1, id="a phase without weights"),
    ],
)
def test_transposed_convolutions_that_are_left_as_they_are(shape, layer, smallest_batch):
    lowered = Lowered(shape, layer, smallest_batch=smallest_batch)
    assert lowered.after == lowered.before
    assert lowered.after["TRANSPOSE_CONV"] == 1
    assert lowered.difference == 0


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("channels", "kernel", "expected"),
    [
        (1, 3, {"DEPTHWISE_CONV_2D": 1, "CONV_2D": 1}),
        (1, (1, 5), {"DEPTHWISE_CONV_2D": 1, "CONV_2D": 1}),
        (3, 3, {"DEPTHWISE_CONV_2D": 1, "CONV_2D": 2}),
        (2, (4, 3), {"DEPTHWISE_CONV_2D": 1, "CONV_2D": 2}),
    ],
    ids=str,
)
def test_convolutions_with_few_channels(channels, kernel, expected, padding):
    layer = layers.Conv2D(channels, kernel, padding=padding, activation="relu")
    lowered = Lowered((9, 8, 32), layer)
    assert lowered.after == expected
    assert lowered.difference < TOLERANCE
    assert lowered.partitions == 1


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        pytest.param((9, 8, 32), layers.Conv2D(4, 3), id="more channels"),
        pytest.param((9, 8, 32), layers.Conv2D(1, 1), id="a single weight"),
        pytest.param((9, 8, 32), layers.Conv2D(1, 3, strides=2), id="strides"),
        pytest.param((9, 8, 2), layers.Conv2D(3, 3), id="too few inputs to gain"),
    ],
)
def test_convolutions_that_are_left_as_they_are(shape, layer):
    lowered = Lowered(shape, layer)
    assert lowered.after == lowered.before == {"CONV_2D": 1}


def test_dilated_and_grouped_convolutions_are_left_as_they_are():
    """The converter writes neither with these numbers of channels."""
    model = schema.ModelT()
    model.operatorCodes, model.buffers = [], [schema.BufferT()]
    subgraph = schema.SubGraphT()
    subgraph.tensors = []
    graph = TfliteGraph(model, subgraph)

    def lower(depth=32, dilation=1):
        options = schema.Conv2DOptionsT()
        options.strideH = options.strideW = options.dilationHFactor = 1
        options.dilationWFactor = dilation
        x, output = graph.add_tensor((1, 9, 8, 32)), graph.add_tensor((1, 9, 8, 2))
        weights = graph.add_constant(np.ones((2, 3, 3, depth), np.float32))
        bias = graph.add_constant(np.ones(2, np.float32))
        return lower_few_channels(graph, graph.operator("CONV_2D", [x, weights, bias], output, options), 1)

    assert len(lower()) == 3
    assert lower(depth=16) is None
    assert lower(dilation=2) is None


@pytest.mark.parametrize("layer", [layers.Conv2D(1, 3), transposed(1, 3, 1)], ids=["plain", "transposed"])
def test_convolutions_with_few_channels_for_integers(layer):
    """Products that are rounded to 8 bits before they are summed cost a decoder 8 dB."""
    lowered = Lowered((9, 8, 32), layer, for_integers=True)
    assert lowered.after["CONV_2D"] == 1
    assert lowered.after["DEPTHWISE_CONV_2D"] == lowered.after["TRANSPOSE_CONV"] == 0
    assert lowered.difference < TOLERANCE


def test_other_rules_hold_for_integers_too():
    lowered = Lowered((7, 7, 6), transposed(32, 3, 2, activation="relu"), for_integers=True)
    assert {kind: lowered.after[kind] for kind in PHASES} == PHASES
    assert lowered.difference < TOLERANCE


@pytest.mark.parametrize("layer", [layers.UpSampling2D(2), layers.UpSampling2D((3, 1))], ids=["2", "3x1"])
def test_nearest_neighbour_upsampling_is_in_one_partition(layer):
    lowered = Lowered((5, 4, 3), layer, layers.Conv2D(8, 3, padding="same"))
    assert lowered.before["TILE"] >= 1
    assert lowered.after["TILE"] == 0
    assert lowered.after["CONCATENATION"] == lowered.before["TILE"]
    assert lowered.difference == 0
    assert lowered.partitions == 1


def test_repetition_that_is_left_as_it_is():
    lowered = Lowered((5, 4, 3), layers.UpSampling2D(6))
    assert lowered.after == lowered.before
    assert lowered.before["TILE"] == 2
