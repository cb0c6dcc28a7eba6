"""A new kind of source is one file and one line: a toy goes the whole way."""

from __future__ import annotations

import numpy as np
import pytest

import vae_export
from tests.tiny_models import randomise, samples, tiny_vae
from vae_export.errors import ModelError
from vae_export.sources import SOURCES, register_source
from vae_export.sources.protocol import Recognised
from vae_export.sources.resolve import resolve_model


class WeightsInNpz:
    """An .npz with the weights of the tiny model, in their order."""

    name = "weights of the tiny model"
    expected = "an .npz of its weights"
    takes_weights = False

    def recognise(self, request):
        path = request.path
        if path is None or not path.is_file() or path.read_bytes()[:2] != b"PK":
            return None
        with np.load(path) as arrays:
            return Recognised(1.0, "an .npz of weights") if "arr_0" in arrays else None

    def model_name(self, request):
        return request.path.stem

    def sample_folder(self, request):
        return request.path.parent

    def check(self, request):
        if request.path.stat().st_size > 1 << 20:
            raise ModelError(f"{request.text}: is too large")

    def load(self, request):
        model = tiny_vae(seed=9)
        with np.load(request.path) as arrays:
            for weight, name in zip(model.trainable_weights, arrays.files, strict=True):
                weight.assign(arrays[name])
        return model


@pytest.fixture
def toy():
    yield register_source(WeightsInNpz())
    SOURCES.pop()


@pytest.fixture
def file(tmp_path):
    weights = [weight.numpy() for weight in randomise(tiny_vae(), 3).trainable_weights]
    np.savez(tmp_path / "mine.dat", *weights)
    (tmp_path / "mine.dat.npz").rename(tmp_path / "mine.dat")
    return tmp_path / "mine.dat"


def test_a_toy_is_recognised_by_its_content_and_exported(toy, file, tmp_path):
    result = vae_export.export(file, tmp_path / "b", format="onnx", samples=samples())
    assert result.manifest.name == "mine"
    same = vae_export.export(randomise(tiny_vae(), 3), tmp_path / "c", format="onnx", samples=samples())
    files = [entry.sha256 for entry in result.manifest.artifacts]
    # Files carry the name of the model: the golden arrays tell.
    assert len(files) == 2
    golden = [one.manifest.golden.arrays for one in (result, same)]
    assert golden[0] == golden[1]


def test_it_is_checked_before_it_is_loaded(toy, tmp_path):
    np.savez(tmp_path / "a.npz", np.zeros(1 << 18))
    with pytest.raises(ModelError, match=r"a\.npz: is too large$"):
        resolve_model(tmp_path / "a.npz").load()


def test_without_it_the_file_is_none(file):
    with pytest.raises(
        ModelError, match=r"mine\.dat: got a file named \*\.dat, expected one of \.keras, \.h5"
    ):
        resolve_model(file).load()


def test_messages_name_what_there_is(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ModelError,
        match=r"^nothing: no such file, and no reference model of this name; expected a \.keras or \.h5 file, "
        r"package\.module:attribute, one of fashion-mnist-conv, fashion-mnist-dense, or an \.npz of its weights$",
    ):
        resolve_model("nothing")


def test_other_objects_are_named():
    with pytest.raises(
        ModelError, match=r"^model: got a ndarray, expected a Keras model, a file or the name of"
    ):
        resolve_model(np.zeros(3), "m").load()


def test_names_are_taken_once():
    with pytest.raises(ValueError, match=r"^source 'Keras file' is registered already$"):
        register_source(SOURCES[2])
