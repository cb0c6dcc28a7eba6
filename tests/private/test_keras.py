"""Each name that Keras does not promise is used once: what a new version changes fails here."""

import keras
import numpy as np
import pytest

from vae_export.private import keras as private
from vae_export.split.sampling_layer import SamplingLayer


@pytest.fixture
def model():
    x = keras.Input((4,), name="x")
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="last")], name="inner")
    return keras.Model({"x": x}, {"y": inner(keras.layers.Dense(3, name="first")(x))})


def test_layers(model):
    names = [layer.name for layer in private.layers_of(model)]
    assert names[0] == model.name
    assert {"first", "inner", "last"} <= set(names)
    assert model.name not in [layer.name for layer in private.layers_of(model, include_self=False)]
    assert private.layers_of("no layer") == ["no layer"]


def test_graphs(model):
    assert isinstance(model, private.Functional)
    assert isinstance(private.functional_of(model.get_layer("inner")), private.Functional)
    assert [node.operation.name for node in private.nodes_of(model)] == ["x", "first", "inner"]
    assert list(private.input_structure(model)) == ["x"]
    assert list(private.output_structure(model)) == ["y"]
    assert private.maker_name(private.input_structure(model)["x"]) == "x"


def test_the_conversion_of_inputs(model):
    owner, name = private.array_conversion(model)
    assert owner is model
    assert callable(getattr(model, name))


def test_the_shapes_of_a_call():
    layer = keras.layers.Dense(2)
    assert private.built_shapes(layer) == {}
    layer(np.zeros((1, 3), np.float32))
    assert list(private.built_shapes(layer).values()) == [(1, 3)]


@pytest.mark.parametrize("variables", [None, "float64"])
def test_policies(variables):
    policy = private.policy_computing_in("float32", variables)
    assert policy.compute_dtype == "float32"
    assert policy.variable_dtype == (variables or "float32")


def test_names_of_weights(model):
    weight = model.get_layer("first").kernel
    variable, attribute, name = private.lend_handle_name(weight)
    assert getattr(variable, attribute).startswith(name)
    assert "first" in name


def test_classes_of_configurations(model):
    config = keras.saving.serialize_keras_object(SamplingLayer(seed=1))
    names = (config["class_name"], config["registered_name"], config["module"])
    assert private.can_resolve_class(*names, config, {})
    assert not private.can_resolve_class("Nobody", "nobody>Nobody", "nobody", config, {})
    assert private.Functional.__module__ == private.FUNCTIONAL_MODULE
    config = {"class_name": "Dense", "config": {"units": 2, "name": "d"}}
    assert private.model_of_legacy_config(config).units == 2
