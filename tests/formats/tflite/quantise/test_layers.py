import pytest

from tests.formats.tflite.quantise import files
from vae_export.errors import ConversionError
from vae_export.formats.tflite.passes.graph import kind_of
from vae_export.formats.tflite.quantise.layers import (
    find_layers,
    moving_between,
    quantisable_tensors,
)
from vae_export.private.litert import read_model


@pytest.fixture
def model():
    """The convolutional decoder."""
    return read_model(files.float_file("conv", "decoder", for_integers=True).data)


def makers(model, tensors):
    """(subgraph, kind) of the operators that make some tensors."""
    return [
        (subgraph, kind_of(model, operator))
        for subgraph, graph in enumerate(model.subgraphs)
        for operator in graph.operators
        if (subgraph, int(operator.outputs[0])) in tensors
    ]


def test_names_are_those_of_the_first_signature(model):
    names = quantisable_tensors(files.float_file("conv", "decoder", for_integers=True))
    kinds = [name.rsplit("_", 1)[0] for name in names]
    assert kinds == ["fully_connected", *["conv_2d"] * 9, "reconstruction"]
    found = find_layers(model, [names[-2]], "decoder.int8.tflite")
    assert makers(model, found) == [(0, "CONV_2D"), (1, "CONV_2D"), (2, "CONV_2D")]
    # It is the last one in each, whatever its number.
    for subgraph, index in found:
        assert model.subgraphs[subgraph].operators[-2].outputs[0] == index
    called = {model.subgraphs[subgraph].tensors[index].name.decode() for subgraph, index in found}
    assert called == {names[-2], "conv_2d_24"}


def test_signatures_that_differ(model):
    convolution, sigmoid = model.subgraphs[1].operators[-2:]
    sigmoid.opcodeIndex = convolution.opcodeIndex
    message = (
        r"^decoder\.int8\.tflite: keep_float names tensors, but its signatures have different operators, "
        r"expected the same ones in all; export with a single batch size$"
    )
    with pytest.raises(ConversionError, match=message):
        find_layers(model, ["reconstruction"], "decoder.int8.tflite")
    assert find_layers(model, [], "decoder.int8.tflite") == frozenset()


def test_what_moves_values_between_layers(model):
    names = list(quantisable_tensors(files.float_file("conv", "decoder", for_integers=True)))
    alone = find_layers(model, names[-2:-1], "d")
    assert moving_between(model, alone) == frozenset()
    late = find_layers(model, names[names.index("conv_2d_12") :], "d")
    moving = makers(model, moving_between(model, late))
    # The phases of a transposed convolution, put together before the last layer.
    assert [kind for subgraph, kind in moving if subgraph == 0] == ["CONCATENATION", "DEPTH_TO_SPACE"]
    assert [kind for subgraph, kind in moving if subgraph == 2] == [
        "CONCATENATION",
        "RESHAPE",
        "DEPTH_TO_SPACE",
        "RESHAPE",
    ]


def test_inputs_and_outputs_count_as_layers():
    model = read_model(files.float_file("dense", "decoder").data)
    last = find_layers(model, ["logistic_2"], "d")
    assert makers(model, moving_between(model, last)) == [(0, "RESHAPE"), (1, "RESHAPE"), (2, "RESHAPE")]
    model = read_model(files.float_file("dense", "encoder").data)
    first = find_layers(model, ["fully_connected_1"], "e")
    assert makers(model, moving_between(model, first)) == [(0, "RESHAPE"), (1, "RESHAPE"), (2, "RESHAPE")]
