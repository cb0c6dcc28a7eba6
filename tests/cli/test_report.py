import json

import numpy as np
import pytest

from tests.broken_bundles import shift_golden
from tests.tiny_models import samples, tiny_vae
from vae_export import export
from vae_export.cli.main import main
from vae_export.io.quiet import quiet


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run the command in an empty directory; (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(["report", "--rounds", "2", *map(str, arguments)])
        return code, *capfd.readouterr()

    return run


def test_a_report(run, tmp_path, dense_bundle):
    assert run(dense_bundle) == (
        0,
        "all 14 comparisons with Keras pass\n0 of 2 latent values collapsed, on 8 samples\nwrote report.html\n",
        "",
    )
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_collapsed_latents_are_named(run, tmp_path):
    # TensorFlow speaks as it starts.
    with quiet():
        model = tiny_vae()
        for name in ("mu", "logvar"):
            layer = model.get_layer(name)
            kernel, bias = layer.get_weights()
            kernel[:, 1] = bias[1] = 0
            layer.set_weights([kernel, bias])
        export(model, tmp_path / "b", format="onnx", samples=samples())
    np.save(tmp_path / "x.npy", samples(9))
    code, out, error = run("b", "--samples", "x.npy", "-o", "tiny.html")
    assert (code, error) == (0, "")
    assert out.splitlines()[1:] == ["1 of 3 latent values collapsed, on 9 samples: z[1]", "wrote tiny.html"]
    html = (tmp_path / "tiny.html").read_text()
    assert "Of 9 samples in x.npy, encoded by <code>encoder.onnx</code>." in html
    assert "2 of 3 latent values are active, 1 has collapsed onto the prior" in html


def test_figures_for_programs(run, dense_bundle):
    code, out, error = run(dense_bundle, "--json", "--seed", 3, "-o", "a.html")
    found = json.loads(out)
    assert (code, error, found["ok"], found["failures"], found["output"]) == (0, "", True, [], "a.html")
    assert [(latent["name"], latent["state"]) for latent in found["latents"]] == [
        ("z[0]", "active"),
        ("z[1]", "active"),
    ]
    assert found["samples"] == {"source": "the bundle's golden rows", "rows": 8, "total": 8}
    assert len(found["parity"]) == 14
    assert [row["name"] for row in found["times"]["rows"]] == [
        "encoder.onnx",
        "encoder.tflite",
        "decoder.onnx",
        "decoder.tflite",
    ]


def test_a_failure_is_in_the_report_and_in_the_exit_code(run, tmp_path, bundle_copy):
    shift_golden(bundle_copy, "mu", by=0.5)
    code, out, error = run(bundle_copy, "-o", "bad.html")
    assert code == 1
    assert out.startswith("2 checks failed\n")
    assert out.endswith("wrote bad.html\n")
    assert [line.split(": largest")[0] for line in error.splitlines()] == [
        "vae-export: encoder.onnx: output 'mu', golden",
        "vae-export: encoder.tflite: output 'mu', golden",
    ]
    assert "This bundle does not match Keras." in (tmp_path / "bad.html").read_text()
    code, out, _ = run(bundle_copy, "--json", "-o", "bad.html")
    assert (code, json.loads(out)["ok"]) == (1, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.pdf"], "a.pdf: got a file named *.pdf, expected .html"),
        (["-o", "no/a.html"], "no/a.html: cannot be written, there is no folder no; make it first"),
        (["--rounds", "1"], "rounds: got 1, expected at least 2"),
        (["--seed", "-1"], "seed: got -1, expected an integer in [0, 18446744073709551616)"),
        (["--picture-shape", "big"], "argument --picture-shape: got 'big', expected numbers such as 28,28,1"),
        (
            ["--picture-shape", "28"],
            "picture shape: got 28, expected height, width and 1 or 3 channels, such",
        ),
        (["--samples", "none.npy"], "none.npy: no such file or folder"),
        (["--samples", "x.npy"], "x.npy: got shape (3, 28), expected (n, 28, 28, 1) with n at least 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_arguments(run, tmp_path, dense_bundle, arguments, message):
    np.save(tmp_path / "x.npy", np.zeros((3, 28)))
    code, out, error = run(dense_bundle, *arguments)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert message in error
    assert [file.name for file in tmp_path.iterdir()] == ["x.npy"]


def test_no_bundle(run, tmp_path):
    code, out, error = run("nothing")
    assert (code, out) == (2, "")
    assert error.startswith("vae-export: nothing: no such bundle; make one with")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_not_written_into(run, bundle_copy):
    code, out, error = run(bundle_copy, "-o", bundle_copy / "report.html")
    assert (code, out) == (2, "")
    assert error.endswith(f"report.html: is in the bundle {bundle_copy}; choose a path outside it with -o\n")
    assert not (bundle_copy / "report.html").exists()


def test_one_sample_says_nothing_of_what_has_collapsed(run, dense_bundle, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 28, 28, 1), np.float32))
    code, out, _ = run(dense_bundle, "--samples", "x.npy")
    assert code == 0
    assert "0 of 2 latent values collapsed, on 1 sample\n" in out
    assert "as far as one sample can say" in (tmp_path / "report.html").read_text()
