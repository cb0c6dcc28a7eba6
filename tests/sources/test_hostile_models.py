"""Model files that would run code, read other files or fill the memory are refused before Keras sees them."""

from __future__ import annotations

import json
import os
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from vae_export.errors import ModelError
from vae_export.sources.keras_loading import load_model


def saved(folder, **options):
    x = keras.Input((4,))
    h = layers.Dense(4, name="dense", **options)(x)
    model = keras.Model(x, layers.Dense(2, name="out")(keras.ops.exp(h)))
    model.save(folder / "m.keras")
    return model, folder / "m.keras"


def altered(file, change):
    """A file whose configuration was changed."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config["config"]["layers"])
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def instance(module, name, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def dense(stored):
    return next(layer for layer in stored if layer["config"]["name"] == "dense")


def as_argument(value):
    def change(stored):
        dense(stored)["inbound_nodes"][0]["kwargs"] = {"mask": value}

    return change


def as_setting(key, value):
    def change(stored):
        dense(stored)["config"][key] = value

    return change


def as_layer(value):
    def change(stored):
        entry = dense(stored)
        entry.update({**value, "config": {**value["config"], "name": "dense"}})

    return change


# name -> (change of the configuration, what the message names)
ATTACKS = {
    "os.system as an argument": (as_argument(function("os", "system")), "the function 'os.system'"),
    "builtins.eval as an argument": (as_argument(function("builtins", "eval")), "the function 'eval'"),
    "a setting of Keras": (
        as_argument(function("keras.config", "set_floatx")),
        "the function 'keras.config.set_floatx'",
    ),
    "memory": (as_argument(function("keras.ops", "ones")), "the function 'keras.ops.ones'"),
    "a download": (
        as_argument(function("keras.datasets.mnist", "load_data")),
        "the function 'keras.datasets.mnist.load_data'",
    ),
    "a function as initializer": (
        as_setting("kernel_initializer", function("keras.utils", "get_file")),
        "the function 'keras.utils.get_file'",
    ),
    "a callback": (
        as_setting("kernel_regularizer", instance("keras.callbacks", "CSVLogger", filename="x.csv")),
        "the class 'keras.callbacks.CSVLogger'",
    ),
    "a class of another module as a layer's argument": (
        as_argument(instance("subprocess", "Popen", args=["true"])),
        "the class 'subprocess.Popen'",
    ),
    "a saved model": (
        as_layer(instance("keras.layers", "TFSMLayer", filepath="/tmp/x")),
        "the class 'keras.layers.TFSMLayer'",
    ),
    "an operation that takes a function": (
        as_layer(instance("keras.src.ops.core", "Switch")),
        "the class 'keras.src.ops.core.Switch'",
    ),
    "a vocabulary of a file": (
        as_layer(instance("keras.layers", "StringLookup", vocabulary="/etc/passwd")),
        "the file '/etc/passwd' as vocabulary of StringLookup",
    ),
    "a lambda elsewhere": (
        as_argument({"class_name": "__lambda__", "config": {"code": "4w=="}}),
        "the class '__lambda__'",
    ),
    "a type": (as_argument({"class_name": "__typespec__", "config": ["os"]}), "the class '__typespec__'"),
}


@pytest.fixture
def nothing_runs(monkeypatch):
    def runs(*_, **__):
        raise AssertionError("code of the file was run")

    monkeypatch.setattr(os, "system", runs)
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", runs)


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_refused(attack, tmp_path, nothing_runs):
    change, what = ATTACKS[attack]
    _, file = saved(tmp_path)
    with pytest.raises(ModelError) as caught:
        load_model(altered(file, change))
    message = str(caught.value)
    assert (
        f" names {what}, expected layers, initializers, activations and other parts of models alone; a "
        in message
    )
    assert message.startswith(f"{file}: ")


def test_a_good_file_passes_the_check(tmp_path):
    model, file = saved(tmp_path, activation="gelu", kernel_regularizer="l2", kernel_constraint="max_norm")
    x = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(load_model(altered(file, lambda stored: None))(x), model(x), rtol=1e-6)


class OwnRegularizer(keras.regularizers.Regularizer):
    def __call__(self, x):
        return keras.ops.sum(x)

    def get_config(self):
        return {}


class OwnInitializer(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return keras.ops.ones(shape, dtype)


OwnRegularizer.__module__ = OwnInitializer.__module__ = "a_script_that_is_gone"


def test_parts_of_training_need_no_code(tmp_path):
    own = {"kernel_regularizer": OwnRegularizer(), "bias_initializer": OwnInitializer()}
    model, file = saved(tmp_path, **own)
    model.get_layer("dense").bias.assign([1.0, 2, 3, 4])
    model.save(file)
    x = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(load_model(file)(x), model(x), rtol=1e-6)


def own_activation(x):
    return x * 2


def test_an_activation_of_the_authors_own_is_asked_for(tmp_path):
    model, file = saved(tmp_path, activation=own_activation)
    with pytest.raises(
        ModelError,
        match=r"m\.keras: layer 'dense' has the activation 'own_activation', which is not known here; give --custom-obj",
    ):
        load_model(file)
    x = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(load_model(file, {"own_activation": own_activation})(x), model(x), rtol=1e-6)


def test_a_deep_configuration(tmp_path):
    def change(stored):
        value = []
        for _ in range(300):
            value = [value]
        dense(stored)["config"]["units"] = value

    with pytest.raises(ModelError, match=r"m\.keras: the configuration is nested deeper than 200$"):
        load_model(altered(saved(tmp_path)[1], change))


def with_weights(file, change):
    """A file whose weights were changed."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = file.parent / "w.h5"
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "a") as stored:
        change(stored)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in {**members, "model.weights.h5": weights.read_bytes()}.items():
            archive.writestr(name, data)


def external(stored):
    del stored["layers/dense/vars/0"]
    stored["layers/dense/vars"].create_dataset("0", (4, 4), "f4", external=[("/etc/passwd", 0, 64)])


def virtual(stored):
    layout = h5py.VirtualLayout((4, 4), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (4, 4))
    del stored["layers/dense/vars/0"]
    stored["layers/dense/vars"].create_virtual_dataset("0", layout)


def link_to_a_file(stored):
    stored["layers/dense/more"] = h5py.ExternalLink("/tmp/other.h5", "/x")


def soft_link(stored):
    stored["layers/dense/more"] = h5py.SoftLink("/layers")


def declared(stored):
    stored["layers/dense/vars"].create_dataset("1x", (1 << 40,), "f4", chunks=(1 << 20,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            external,
            r"'/layers/dense/vars/0' are in another file, expected them in the file itself; it is not loaded$",
        ),
        (virtual, r"'/layers/dense/vars/0' are in another file"),
        (
            link_to_a_file,
            r"'/layers/dense/more' is a link to the file '/tmp/other\.h5', expected data in the file itsel",
        ),
        (soft_link, r"'/layers/dense/more' is a soft link"),
        (
            declared,
            r"'/layers/dense/vars/1x' declares 4,398,046,511,104 bytes and holds 0; it is not loaded$",
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_weights_from_elsewhere(change, message, suffix, tmp_path):
    if suffix == ".keras":
        _, file = saved(tmp_path)
        with_weights(file, change)
    else:
        file = tmp_path / "m.h5"
        with h5py.File(file, "w") as stored:
            stored.create_dataset("layers/dense/vars/0", (4, 4), "f4")
            change(stored)
    with pytest.raises(ModelError, match=message):
        load_model(file)


def test_an_archive_that_unpacks_to_far_more(tmp_path):
    _, file = saved(tmp_path)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(1 << 26))
    with pytest.raises(
        ModelError, match=r"assets/zeros unpacks 65,\d+ bytes to 67,108,864; it is not loaded$"
    ):
        load_model(file)


def test_an_encrypted_archive(tmp_path):
    _, file = saved(tmp_path)
    data = bytearray(file.read_bytes())
    # The flag of encryption in the central directory of the first member.
    position = data.find(b"PK\x01\x02")
    data[position + 8] |= 1
    file.write_bytes(data)
    with pytest.raises(
        ModelError, match=r"m\.keras: the archive is encrypted, expected a model as Keras saves it$"
    ):
        load_model(file)
