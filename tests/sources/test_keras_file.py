import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from tests.tiny_models import X_SHAPE, samples, tiny_vae
from vae_export.errors import InputError, ModelError
from vae_export.sources.keras_loading import load_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "tiny.keras"
    tiny_vae().save(path)
    return path


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_saved_model_loads(tmp_path, suffix):
    path = tmp_path / f"tiny{suffix}"
    tiny_vae().save(path)
    model = load_model(path)
    for ours, theirs in zip(model.trainable_weights, tiny_vae().trainable_weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert model(samples(2)).shape == (2, *X_SHAPE)


def truncated(path, saved):
    path.write_bytes(saved.read_bytes()[:2000])


def not_a_zip(path, saved):
    path.write_bytes(b"just some text")


def empty(path, saved):
    path.write_bytes(b"")


def hdf5(path, saved):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))


def other_zip(path, saved):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")


def damaged(path, saved):
    data = bytearray(saved.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (truncated, r"model\.keras: the zip archive is truncated or damaged \(.+\); copy or save it again$"),
        (not_a_zip, r"model\.keras: got first bytes b'just som', expected a zip archive as model\.save"),
        (empty, r"model\.keras: got first bytes b'', expected a zip archive"),
        (hdf5, r"model\.keras: this is an HDF5 file under another name; rename it to model\.h5$"),
        (other_zip, r"model\.keras: the archive holds no config\.json, expected a model saved by Keras 3$"),
        (damaged, r"model\.keras: model\.weights\.h5 in the archive is damaged; copy or save it again$"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bad_file_is_explained(tmp_path, saved, write, message):
    path = tmp_path / "model.keras"
    write(path, saved)
    with pytest.raises(ModelError, match=message):
        load_model(path)


def test_no_such_file(tmp_path):
    with pytest.raises(ModelError, match=r"none\.keras: no such file; expected a \.keras or \.h5 file$"):
        load_model(tmp_path / "none.keras")


def test_another_kind_of_file(tmp_path):
    path = tmp_path / "model.pt"
    path.touch()
    with pytest.raises(ModelError, match=r"got a file named \*\.pt, expected one of \.keras, \.h5, \.hdf5$"):
        load_model(path)


def test_h5_that_is_none(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"got first bytes b'nothing', expected an HDF5 file; save"):
        load_model(path)


def test_a_model_that_cannot_be_built_without_the_code(tmp_path):
    class Flattening(layers.Layer):
        def call(self, inputs):
            return keras.ops.reshape(inputs, (-1, 9, 4))

    x = keras.Input(X_SHAPE)
    model = keras.Model(x, layers.Conv1D(2, 3)(Flattening(name="flat")(x)))
    model.save(tmp_path / "model.keras")
    with pytest.raises(
        ModelError,
        match=r"model\.keras: Keras cannot build it: Input 0 .*; the code of the layers 'flat' \(Flattening\) is not at "
        "hand, which may be why: give --custom-objects the file or module that defines them$",
    ):
        load_model(tmp_path / "model.keras")
    known = load_model(tmp_path / "model.keras", {"Flattening": Flattening})
    assert known(samples(2)).shape == (2, 7, 2)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_code_in_a_lambda_is_read_and_not_run(suffix, tmp_path):
    x = keras.Input(X_SHAPE)
    shrunk = layers.Lambda(lambda tensor: tensor[:, 1:], name="cut")(x)
    model = keras.Model(x, layers.Conv2D(2, (6, 6))(layers.ZeroPadding2D(((1, 0), (0, 0)))(shrunk)))
    model.save(tmp_path / f"model{suffix}")
    loaded = load_model(tmp_path / f"model{suffix}")
    assert loaded.get_layer("cut").text() == "tensor[:, 1:]"
    np.testing.assert_allclose(loaded(samples(2)), model(samples(2)), rtol=0, atol=1e-6)


def test_functions_and_numbers_of_the_user(tmp_path):
    x = keras.Input(X_SHAPE)
    given = layers.Lambda(lambda t: sum(t * 2 for _ in range(1)), name="given")(x)
    called = layers.Lambda(lambda t: tripled(t), name="called")(given)
    stored = layers.Lambda(tripled, name="stored", output_shape=X_SHAPE)(called)
    model = keras.Model(x, layers.Lambda(lambda t: t * factor, name="named")(stored))
    model.save(tmp_path / "model.keras")
    own = {"given": lambda t: t * 2, "tripled": tripled, "factor": factor}
    loaded = load_model(tmp_path / "model.keras", own)
    np.testing.assert_allclose(loaded(samples(2)), 90 * samples(2), rtol=1e-6, atol=0)
    without = load_model(tmp_path / "model.keras")
    reasons = {name: without.get_layer(name).reason for name in ("given", "called", "stored")}
    assert reasons["given"].startswith("its code in the file is not understood: ")
    assert (
        reasons["called"] == "its code in the file is not understood: a call of tripled, which is not known"
    )
    assert reasons["stored"] == "the code of its function 'tripled' is not in the file"
    assert without.get_layer("named").unknown == ("factor",)


def tripled(t):
    return t * 3


factor = 5.0


def test_weights_alone_are_no_model(tmp_path):
    tiny_vae().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(
        ModelError, match=r"m\.weights\.h5: holds weights alone, expected a whole model; give the"
    ):
        load_model(tmp_path / "m.weights.h5")


def test_another_backend_is_refused(monkeypatch, saved):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match=r"^KERAS_BACKEND: got 'jax', expected 'tensorflow'; the converters"):
        load_model(saved)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_innermost_cause_is_shown_and_no_lambda_blamed_that_is_read(suffix, tmp_path):
    x = keras.Input(X_SHAPE)
    model = keras.Model(x, layers.Lambda(lambda t: t * 2, name="double")(layers.Flatten(name="flat")(x)))
    file = tmp_path / f"model{suffix}"
    model.save(file)
    alter_config(file, '"name": "flat"', '"name": "flat", "patience": 3')
    with pytest.raises(ModelError, match=r"patience") as caught:
        load_model(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: Keras cannot load it: ")
    assert "double" not in message
    assert "unexpected keyword argument" in message or "Unrecognized keyword arguments" in message


def alter_config(file, old, new):
    """Another text in the configuration of a file."""
    if file.suffix == ".keras":
        with zipfile.ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        assert old in members["config.json"].decode()
        members["config.json"] = members["config.json"].decode().replace(old, new, 1).encode()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return
    with h5py.File(file, "a") as stored:
        text = stored.attrs["model_config"]
        assert old in text
        stored.attrs["model_config"] = text.replace(old, new, 1)
