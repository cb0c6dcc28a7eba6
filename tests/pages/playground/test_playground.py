"""What a playground consists of, and what is refused."""

import base64
import dataclasses
import gzip
import json
import re

import msgspec
import numpy as np
import pytest

import vae_export
from tests.broken_bundles import edit_manifest
from tests.tiny_models import samples, tiny_vae
from vae_export.bundle.reader import Bundle, read_bundle
from vae_export.errors import InputError
from vae_export.pages.playground import playground as module
from vae_export.pages.playground.ort_web import OrtWeb
from vae_export.pages.playground.playground import build_playground, write_folder, write_page

ORT_WEB = OrtWeb(b"export const InferenceSession = null;", b"\0asm")


@pytest.fixture(scope="module")
def styles(style_bundle):
    """The bundle of a style of the gallery."""

    def bundle(name):
        return read_bundle(style_bundle(name, format="onnx"))

    return bundle


def carried(page):
    """name -> content of the files in a page."""
    found = re.findall(r'<script type="text/plain" data-file="([^"]+)">([^<]+)</script>', page.decode())
    return {name: gzip.decompress(base64.b64decode(text)) for name, text in found}


def test_a_page_carries_all_it_needs(dense_bundle, tmp_path):
    bundle = read_bundle(dense_bundle)
    playground = build_playground(bundle, ORT_WEB)
    size = write_page(playground, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_bytes()
    assert size == len(page)
    files = carried(page)
    assert files["ort.wasm"] == ORT_WEB.wasm
    assert files["modules/onnxruntime-web"] == ORT_WEB.module
    names = ["manifest.json", "encoder.onnx", "decoder.onnx"]
    names += [entry["file"] for entry in bundle.manifest.to_dict()["golden"]["arrays"].values()]
    assert {name for name in files if name.startswith("bundle/")} == {f"bundle/{name}" for name in names}
    for name in names:
        assert files[f"bundle/{name}"] == (dense_bundle / name).read_bytes()
    imported = {
        name
        for data in (
            files[name] for name in files if name.startswith("modules/") and name != "modules/onnxruntime-web"
        )
        for name in re.findall(r'^import .* from "([^"]+)";', data.decode(), re.MULTILINE)
    }
    assert {f"modules/{name}" for name in imported} < set(files)
    write_page(playground, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == page


def test_a_folder_has_the_same(dense_bundle, tmp_path):
    playground = build_playground(read_bundle(dense_bundle), ORT_WEB)
    size = write_folder(playground, tmp_path / "site")
    files = {
        file.relative_to(tmp_path / "site").as_posix(): file.read_bytes()
        for file in (tmp_path / "site").rglob("*")
        if file.is_file()
    }
    assert size == sum(map(len, files.values()))
    page = files["index.html"].decode()
    (text,) = re.findall(r'<script type="importmap">(.*?)</script>', page)
    for name, file in json.loads(text)["imports"].items():
        assert files[file.removeprefix("./")] == playground.modules[name]
    assert carried(files["index.html"]) == {}
    assert files["bundle/decoder.onnx"] == (dense_bundle / "decoder.onnx").read_bytes()


def test_names_are_text(bundle_copy, tmp_path):
    name = "</script><script>alert(1)</script>"
    edit_manifest(bundle_copy, lambda manifest: manifest.update(name=name))
    write_page(build_playground(read_bundle(bundle_copy), ORT_WEB), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "alert(1)" in page
    assert "<script>alert" not in page


def test_what_the_page_is_told(dense_bundle):
    settings = build_playground(read_bundle(dense_bundle), ORT_WEB).settings
    picture = {"kind": "picture", "shape": [28, 28, 1], "range": [0, 1], "own_range": False}
    assert settings == {
        "name": "fashion-mnist-dense",
        "summary": "x [28, 28, 1] → z [2] → reconstruction [28, 28, 1], in float32",
        "precision": "float32",
        "latent_size": 2,
        "axes": ["z[0]", "z[1]"],
        "pad": [0, 1],
        "precision_option": "",
        "seed": 7,
        "outputs": [{"name": "reconstruction", **picture}],
        "x": {"dtype": "float32", **picture},
        "no_x": "",
        "conditions": [],
    }


def test_conditions(styles):
    def condition(name, **labels):
        (found,) = build_playground(styles(name), ORT_WEB, labels=labels).settings["conditions"]
        return found

    digits = [str(i) for i in range(10)]
    expected = {"name": "label", "roles": ["encoder", "decoder"], "dtype": "int32", "one_hot": False}
    assert condition("conditional_label") == {
        **expected,
        "count": 10,
        "classes": digits,
        "initial": [0],
        "step": 1,
    }
    assert condition("conditional_label", label=list("abcdefghij"))["classes"] == list("abcdefghij")
    expected = {"name": "attributes", "roles": ["decoder"], "dtype": "float32", "one_hot": True}
    assert condition("conditional_decoder") == {
        **expected,
        "count": 4,
        "classes": list("0123"),
        "initial": [0],
        "step": "any",
    }


def with_latent_shape(manifest, shape):
    (latent,) = manifest.latents
    return msgspec.structs.replace(manifest, latents=(dataclasses.replace(latent, shape=shape),))


def test_the_pad_shows_what_is_most_active(bundle_copy):
    bundle = read_bundle(bundle_copy)
    mu = np.zeros((8, 6), np.float32)
    mu[:, 4], mu[:, 1], mu[:, 3] = range(8), np.arange(8) / 2, np.arange(8) / 4

    class Made(Bundle):
        def golden(self, name):
            return mu if name == "mu" else super().golden(name)

    manifest = with_latent_shape(bundle.manifest, (6,))
    assert build_playground(Made(bundle.path, manifest), ORT_WEB).settings["pad"] == [1, 4]


def test_more_axes_than_sliders(bundle_copy):
    bundle = read_bundle(bundle_copy)

    class Made(Bundle):
        def golden(self, name):
            return np.zeros((8, 100), np.float32) if name == "mu" else super().golden(name)

    manifest = with_latent_shape(bundle.manifest, (10, 10))
    settings = build_playground(Made(bundle.path, manifest), ORT_WEB).settings
    assert (settings["latent_size"], len(settings["axes"]), settings["axes"][-1]) == (100, 64, "z[6,3]")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": {"colour": ["a"]}}, r"labels: got labels of colour, expected those of inputs: label$"),
        ({"labels": {"label": ["a"]}}, r"labels: got 1 of label, expected 10, one for each class$"),
        ({"precision": "int8"}, r"precision: got int8, expected float32, as the bundle's \.onnx files are$"),
        (
            {"picture_shape": (5, 5)},
            r"picture shape: got 5,5, 25 values, expected as many as flat rows have, of x ",
        ),
        ({"picture_shape": (9,)}, r"picture shape: got 9, expected height, width and 1 or 3 channels"),
    ],
)
def test_wrong_options(styles, options, message):
    with pytest.raises(InputError, match=message):
        build_playground(styles("conditional_label"), ORT_WEB, **options)


def test_labels_of_numbers(styles):
    bundle = styles("strange_names")
    (name,) = [c["name"] for c in build_playground(bundle, ORT_WEB).settings["conditions"]]
    with pytest.raises(InputError, match=r"labels: got 2 of .*, expected none: it is no class, but numbers$"):
        build_playground(bundle, ORT_WEB, labels={name: ["a", "b"]})


def test_a_bundle_without_onnx(tmp_path):
    path = vae_export.export(tiny_vae(), tmp_path / "b", format="tflite", samples=samples(8)).path
    with pytest.raises(
        InputError, match=r"b: holds no \.onnx files, which browsers run; export it with --format"
    ):
        build_playground(read_bundle(path), ORT_WEB)


def test_what_cannot_be_shown(bundle_copy):
    def change(manifest):
        for entry in manifest["artifacts"]:
            for tensor in (*entry["inputs"], *entry["outputs"]):
                if tensor["name"] in ("x", "reconstruction"):
                    tensor["shape"] = [None, 28, 28, 5]

    edit_manifest(bundle_copy, change)
    expected = (
        r"playground: got a decoder that makes reconstruction \[28, 28, 5\], expected pictures \[height, width, "
        r"1 or 3\] or signals \[length, up to 8 channels\]$"
    )
    with pytest.raises(InputError, match=expected):
        build_playground(read_bundle(bundle_copy), ORT_WEB)


def test_x_that_cannot_be_shown(bundle_copy):
    def change(manifest):
        for entry in manifest["artifacts"]:
            for tensor in entry["inputs"]:
                if tensor["name"] == "x":
                    tensor["shape"] = [None, 28, 28, 5]

    edit_manifest(bundle_copy, change)
    settings = build_playground(read_bundle(bundle_copy), ORT_WEB).settings
    assert settings["x"] is None
    assert settings["no_x"] == "x, of shape [28, 28, 5], is neither a picture nor a signal."


def test_too_large(dense_bundle, tmp_path, monkeypatch):
    playground = build_playground(read_bundle(dense_bundle), ORT_WEB)
    monkeypatch.setattr(module, "MOST_IN_A_PAGE", 1 << 19)
    expected = r"playground: got 1 MiB of model, expected at most 0 MiB in one page; make a folder with --split, or export"
    with pytest.raises(InputError, match=expected):
        write_page(playground, tmp_path / "page.html")
    write_folder(playground, tmp_path / "site")
    monkeypatch.setattr(module, "MOST_IN_A_FOLDER", 1 << 19)
    with pytest.raises(InputError, match=r"expected at most 0 MiB in a browser; export lower precisions$"):
        write_folder(playground, tmp_path / "other")
    assert [file.name for file in tmp_path.iterdir()] == ["site"]
