import pytest

from tests.tiny_models import tiny_vae
from vae_export.errors import ModelError
from vae_export.sources.reference_models import reference_models
from vae_export.sources.resolve import resolve_model

DENSE = "fashion-mnist-dense"


@pytest.mark.parametrize("model", [None, DENSE])
def test_reference_models_are_found_by_name(model, tmp_path, monkeypatch):
    # The bundle of an earlier export may stand in the current directory under the same name.
    (tmp_path / DENSE).mkdir()
    monkeypatch.chdir(tmp_path)
    source = resolve_model(model)
    assert (source.sample_folder, source.name) == (reference_models()[DENSE].parent, DENSE)
    assert source.source.name == "reference model"


@pytest.mark.parametrize(
    ("file", "name"), [("mine.keras", "mine"), ("runs/model.keras", "runs"), ("a/b.c.h5", "b.c")]
)
def test_a_file_gives_the_name(tmp_path, file, name):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert resolve_model(path).name == name
    assert resolve_model(str(path), "other").name == "other"


def test_a_model_in_memory_gives_its_name():
    model = tiny_vae()
    source = resolve_model(model)
    assert (source.name, source.load()) == ("tiny", model)


def test_a_folder_of_a_training_is_its_model(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.keras").touch()
    source = resolve_model(tmp_path / "run")
    assert (source.sample_folder, source.name) == (tmp_path / "run", "run")


def test_a_directory_is_no_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bundle").mkdir()
    with pytest.raises(
        ModelError, match=r"^bundle: this is a directory, and no reference model of this name; exp"
    ):
        resolve_model("bundle")
