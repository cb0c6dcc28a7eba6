"""Where ONNX Runtime Web is found, and what is said where it is not."""

import json
import re

import pytest

from tests.runtime.toolchain import need_npm_package
from vae_export.errors import InputError, MissingDependencyError
from vae_export.pages.playground.ort_web import MODULE, ORT_WEB_VERSION, WASM, find_ort_web


def package(folder, version=ORT_WEB_VERSION, files=(MODULE, WASM)):
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": "onnxruntime-web", "version": version}))
    for name in files:
        (folder / name).write_text(name)
    return folder


def test_the_package_the_tests_use_is_the_one_that_is_asked_for(root):
    versions = json.loads((root / "tests" / "package.json").read_text())["dependencies"]
    assert versions["onnxruntime-web"] == ORT_WEB_VERSION
    found = find_ort_web(need_npm_package(root, "onnxruntime-web"))
    assert found.wasm.startswith(b"\0asm")
    assert b"InferenceSession" in found.module


@pytest.mark.parametrize("place", ["node_modules/onnxruntime-web", "../node_modules/onnxruntime-web"])
def test_it_is_found_as_node_finds_it(tmp_path, monkeypatch, place):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    package(tmp_path / "here" / place)
    found = find_ort_web(None)
    assert (found.module, found.wasm) == (MODULE.encode(), WASM.encode())


@pytest.mark.parametrize("named", [".", "node_modules/onnxruntime-web"])
def test_it_is_named(tmp_path, named):
    package(tmp_path / "node_modules" / "onnxruntime-web")
    assert find_ort_web(tmp_path / named).wasm == WASM.encode()


COMMAND = f"npm install onnxruntime-web@{ORT_WEB_VERSION}"


def test_it_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = rf"onnxruntime-web: not found in node_modules of {tmp_path} and of the folders above; run {COMMAND}, or"
    with pytest.raises(MissingDependencyError, match=expected):
        find_ort_web(None)
    (tmp_path / "package.json").write_text('{"name": "another"}')
    with pytest.raises(MissingDependencyError, match=rf"not found in {tmp_path}; run {COMMAND}, or name its"):
        find_ort_web(tmp_path)
    (tmp_path / "package.json").write_text("no json")
    with pytest.raises(MissingDependencyError, match=rf"not found in {tmp_path}; run"):
        find_ort_web(tmp_path)


def test_another_version(tmp_path):
    expected = rf"web: got onnxruntime-web 1\.2\.3, expected {ORT_WEB_VERSION}; run {COMMAND}$"
    with pytest.raises(InputError, match=expected):
        find_ort_web(package(tmp_path / "web", version="1.2.3"))


@pytest.mark.parametrize("file", [MODULE, WASM])
def test_a_file_is_missing(tmp_path, file):
    package(tmp_path / "web", files={MODULE, WASM} - {file})
    with pytest.raises(InputError, match=rf"{re.escape(file)}: missing; run {COMMAND} again$"):
        find_ort_web(tmp_path / "web")
