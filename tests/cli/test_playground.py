"""`vae-export playground`."""

import re

import pytest

from tests.runtime.toolchain import need_npm_package
from vae_export.cli.main import main


@pytest.fixture
def ort_web(root):
    return str(need_npm_package(root, "onnxruntime-web"))


def test_a_page_and_a_folder(dense_bundle, ort_web, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["playground", str(dense_bundle), "--ort-web", ort_web]) == 0
    assert re.fullmatch(r"wrote playground\.html, \d\.\d MB, opens in a browser\n", capfd.readouterr().out)
    # What users send each other by mail.
    assert (tmp_path / "playground.html").stat().st_size < 7e6
    assert main(["playground", str(dense_bundle), "--ort-web", ort_web, "--split"]) == 0
    expected = r"wrote playground, \d+\.\d MB, to be served, for example by python3 -m http\.server\n"
    assert re.fullmatch(expected, capfd.readouterr().out)
    assert (tmp_path / "playground" / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "label"], r"labels: got 'label', expected NAME=A,B,\.\.\. with a name for each class"),
        (["--labels", "label=a,b"], r"labels: got labels of label, expected those of inputs: none"),
        (["--precision", "int8"], r"precision: got int8, expected float32, as the bundle's \.onnx files are"),
        (["--picture-shape", "a"], r"argument --picture-shape: got 'a', expected numbers such as 28,28,1"),
        (["-o", "a.htm"], r"a\.htm: got a file named \*\.htm, expected \.html"),
        (["-o", "a.html", "--split"], r"a\.html: got a file named \*\.html, expected a folder"),
        (["-o", "no/a.html"], r"no/a\.html: cannot be written, there is no folder no; make it first"),
        (
            ["--ort-web", "no"],
            r"onnxruntime-web: not found in no; run npm install onnxruntime-web@1\.30\.0, or ",
        ),
    ],
)
def test_wrong_arguments(dense_bundle, ort_web, tmp_path, monkeypatch, capfd, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["playground", str(dense_bundle), "--ort-web", ort_web, *arguments]) == 2
    said = capfd.readouterr()
    assert re.match(f"vae-export: {message}", said.err)
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_without_onnxruntime_web(dense_bundle, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["playground", str(dense_bundle)]) == 2
    expected = r"vae-export: onnxruntime-web: not found in node_modules of .*; run npm install onnxruntime-web@1\.30\.0, "
    assert re.match(expected + r"or name its folder with --ort-web DIR\n$", capfd.readouterr().err)


def test_no_bundle(tmp_path, capfd):
    assert main(["playground", str(tmp_path / "no")]) == 2
    assert "no such bundle; make one with vae-export --format all" in capfd.readouterr().err


def test_a_bundle_is_not_written_into(dense_bundle, ort_web, capfd):
    place = dense_bundle / "playground.html"
    assert main(["playground", str(dense_bundle), "--ort-web", ort_web, "-o", str(place)]) == 2
    assert capfd.readouterr().err.endswith("; choose a path outside it with -o\n")
    assert not place.exists()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["label=a,,b"], "labels: got 'label=a,,b', expected NAME=A,B,... with a name for each class"),
        (["label=a", "label=b"], "labels: got labels of label twice, expected them once"),
    ],
)
def test_wrong_labels(dense_bundle, ort_web, capfd, labels, message):
    arguments = [word for text in labels for word in ("--labels", text)]
    assert main(["playground", str(dense_bundle), "--ort-web", ort_web, *arguments]) == 2
    assert capfd.readouterr().err == f"vae-export: {message}\n"
