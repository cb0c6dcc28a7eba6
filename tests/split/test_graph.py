import keras
import numpy as np
import pytest
from keras import layers, ops

from vae_export.split.graph import calls_between, flatten, own_words, replay


def shared_layer_model():
    """One layer called twice, an operation with keyword arguments, a nested model called twice."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    dense = layers.Dense(4, name="shared")
    inner_input = keras.Input((4,))
    inner = keras.Model(inner_input, layers.Dense(4, name="inside")(inner_input), name="inner")
    left, right = inner(dense(a)), inner(dense(b))
    merged = ops.concatenate([left, right], axis=1)
    return keras.Model([a, b], ops.sum(merged, axis=-1, keepdims=True))


def test_nested_models_are_inlined():
    graph = flatten(shared_layer_model())
    paths = [call.path for call in graph.calls]
    assert sorted(path for path in paths if not path.startswith(("concat", "sum"))) == [
        "inner/inside",
        "inner/inside",
        "shared",
        "shared",
    ]
    assert [value.name for value in graph.inputs] == ["a", "b"]


def test_calls_come_in_running_order():
    graph = flatten(shared_layer_model())
    known = set(graph.inputs)
    for call in graph.calls:
        assert known.issuperset(call.inputs)
        known.update(call.outputs)
    assert known.issuperset(graph.outputs)


def test_replay_computes_the_same_with_the_same_weights():
    model = shared_layer_model()
    graph = flatten(model)
    tensors = {value: keras.Input((4,)) for value in graph.inputs}
    again = keras.Model(list(tensors.values()), replay(graph.calls, tensors, graph.outputs))
    a, b = np.random.default_rng(1).normal(size=(2, 5, 4)).astype(np.float32)
    np.testing.assert_array_equal(again([a, b]), model([a, b]))
    assert {id(weight) for weight in again.weights} == {id(weight) for weight in model.weights}


def test_only_needed_calls_lie_between():
    x = keras.Input((4,))
    used = layers.Dense(4, name="used")(x)
    unused = layers.Dense(4, name="unused")(x)
    graph = flatten(keras.Model(x, [layers.Dense(2, name="last")(used), unused]))
    calls = calls_between(graph, graph.inputs, graph.outputs[:1])
    assert [call.path for call in calls] == ["used", "last"]
    assert calls_between(graph, graph.inputs, graph.inputs) == []


class CustomCall(keras.Model):
    def call(self, inputs, training=None):
        return super().call(inputs, training=training) + 1.0


def test_a_functional_model_with_its_own_call_is_one_operation():
    inner_input = keras.Input((4,))
    inner = CustomCall(inner_input, layers.Dense(4)(inner_input), name="custom")
    x = keras.Input((4,))
    graph = flatten(keras.Model(x, inner(x)))
    assert [call.path for call in graph.calls] == ["custom"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            "Exception encountered when calling L.call().\n\n\x1b[1mtoo\n wide\x1b[0m\n\nArguments received by L.call():",
            "too wide",
            id="Keras",
        ),
        pytest.param(
            "{{function_node f}} Incompatible shapes [Op:Add] name: ", "Incompatible shapes", id="TensorFlow"
        ),
        pytest.param("", "ValueError", id="no text"),
        pytest.param("x" * 301, "…" + "x" * 300, id="a long text"),
    ],
)
def test_own_words(text, words):
    assert own_words(ValueError(text)) == words
