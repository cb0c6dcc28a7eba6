"""The commands on the reference models."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.programs import start
from vae_export import __version__, load


def test_exporting_the_reference_model_with_nothing_but_a_format(run, tmp_path):
    out = run("--format", "onnx")
    assert "cut at sampling layer 'sampling' (SamplingLayer), latent 2, log-variance (measured)" in out
    assert "compared with Keras on 64 real samples from samples.npz" in out
    assert out.endswith("\nwrote fashion-mnist-dense-bundle\n")
    rows = [line.split() for line in out.splitlines() if line.startswith(("encoder", "decoder"))]
    assert [row[-1] for row in rows] == ["yes"] * 5
    assert sorted(path.name for path in (tmp_path / "fashion-mnist-dense-bundle").iterdir()) == [
        "decoder.onnx",
        "encoder.onnx",
        "golden",
        "manifest.json",
        "vae_runtime.py",
    ]


def test_export_as_json(run):
    result = json.loads(run("export", "--format", "tflite", "-o", "b", "--json", "--batch", "2"))
    assert result["bundle"] == "b"
    assert [artifact["file"] for artifact in result["manifest"]["artifacts"]] == [
        "encoder.tflite",
        "decoder.tflite",
    ]
    assert result["manifest"]["artifacts"][0]["inputs"][0]["shape"] == [2, 28, 28, 1]


def test_own_model_and_samples(run, tmp_path, root):
    from tests.tiny_models import samples, tiny_vae

    tiny_vae().save(tmp_path / "mine.keras")
    np.save(tmp_path / "x.npy", samples(5))
    out = run("mine.keras", "--format", "onnx", "--samples", "x.npy", "--opset", "15")
    assert "compared with Keras on 5 real samples from x.npy" in out
    manifest = json.loads((tmp_path / "mine-bundle" / "manifest.json").read_text())
    assert manifest["name"] == "mine"
    assert manifest["artifacts"][0]["details"]["opset"] == 15
    assert "compared with Keras on random values; no real samples were given" in run(
        "mine.keras", "--format", "onnx", "-o", "other"
    )


def test_inspect_a_model(run):
    out = run("inspect", "fashion-mnist-conv")
    assert "fashion-mnist-conv: x [N x 28 x 28 x 1] → " in out
    row = next(line for line in out.splitlines() if line.startswith("decoder/dense"))
    assert row.split() == ["decoder/dense", "Dense", "N", "x", "3136", "53,312", "decoder"]
    assert "sampling site: 'sampling' (SamplingLayer) draws z [16] from" in out
    assert "  mu               'mu' (measured)\n  v                'logvar'\n" in out
    assert "  parametrisation  log-variance (measured)\n  epsilon scale    1 (measured)\n" in out
    assert "  evidence         sigma(v) = exp(v/2) within 1e-06 at 35 values of v, with known noise; " in out
    assert "encoder: x [N x 28 x 28 x 1] → mu [N x 16], logvar [N x 16]" in out
    assert "decoder: z [N x 16] → reconstruction [N x 28 x 28 x 1]" in out
    found = json.loads(run("inspect", "--json"))
    assert found["name"] == "fashion-mnist-dense"
    assert found["sites"][0]["latent_shape"] == [2]


def test_inspect_a_bundle(run, dense_bundle):
    out = run("inspect", dense_bundle)
    assert f"fashion-mnist-dense: bundle of format version 1, made by vae-export {__version__}" in out
    assert "x [N x 28 x 28 x 1]" in out
    assert json.loads(run("inspect", dense_bundle, "--json"))["format_version"] == 1


def test_verify(run, dense_bundle):
    out = run("verify", dense_bundle)
    assert out.count(" yes") == 14
    assert out.endswith("all files are unaltered, all outputs match\n")
    report = json.loads(run("verify", dense_bundle, "--json"))
    assert report["ok"] is True
    assert {row["output"] for row in report["rows"]} == {
        "epsilon",
        "mu",
        "logvar",
        "z",
        "reconstruction",
        "generated",
    }


def test_lower_precisions(run, tmp_path):
    out = run("fashion-mnist-dense", "--format", "onnx", "--precision", "float32,int8", "-o", "lower")
    exact, encoders, decoders, changes = (part.splitlines() for part in out.split("\n\n")[1:5])
    assert [line.split()[0] for line in exact[2:]] == ["encoder.onnx"] * 2 + ["decoder.onnx"] + [
        "encoder.onnx"
    ] * 2
    assert (encoders[2].split()[0], decoders[2].split()[0]) == ("encoder.int8.onnx", "decoder.int8.onnx")
    assert "KL nats, mean (worst)" in encoders[0]
    assert "PSNR dB, posterior (worst)" in decoders[0]
    assert changes[2].startswith("encoder.int8.onnx → decoder.int8.onnx")
    generated = [
        run("generate", "lower", "--precision", name, "-n", "4", "-o", f"{name}.npy")
        for name in ("float32", "int8")
    ]
    assert len(generated) == 2
    one, other = (np.load(tmp_path / f"{name}.npy") for name in ("float32", "int8"))
    assert 0 < np.abs(one - other).max() < 0.5
    table = run("bench", "lower", "--batch", "1", "--rounds", "2")
    assert [line.split()[0] for line in table.splitlines()[2:6]] == [
        "encoder.onnx",
        "encoder.int8.onnx",
        "decoder.onnx",
        "decoder.int8.onnx",
    ]
    assert "dB" not in run("verify", "lower").split("SQNR dB")[1]


def test_auto(run):
    out = run(
        "fashion-mnist-dense", "--format", "onnx", "--precision", "auto", "--prefer", "speed", "-o", "auto"
    )
    header, _, *rows = out.split("\n\n")[1].splitlines()
    assert header.split() == ["tried", "in", "float", "bytes", "batch", "1", "KL", "or", "PSNR", "verdict"]
    assert [row.split()[0] for row in rows].count("encoder.float16.onnx") == 1
    assert sum(row.rstrip().endswith("taken") for row in rows) == 2


def test_bench(run, dense_bundle, tmp_path):
    out = run("bench", dense_bundle, "--batch", "1,2", "--rounds", "2", "-o", "chart.png")
    header, _, *rows = out.splitlines()
    assert header.split("  ")[0] == "artifact"
    assert [row.split()[0] for row in rows[:4]] == [
        "encoder.onnx",
        "encoder.tflite",
        "decoder.onnx",
        "decoder.tflite",
    ]
    assert "µs ±" in rows[0]
    assert out.endswith("\nwrote chart.png\n")
    with Image.open(tmp_path / "chart.png") as chart:
        assert chart.size[0] > 1000
    result = json.loads(
        run("bench", dense_bundle, "--batch", "2", "--rounds", "2", "--json", "--threads", "2")
    )
    row = result["rows"][0]
    assert (row["role"], row["name"], row["threads"], row["speedup"]) == ("encoder", "encoder.onnx", 2, {})
    timing = row["batches"]["2"]
    assert timing["rows_per_second"] == pytest.approx(2000 / timing["median_ms"], rel=1e-9, abs=0)


def test_bench_beside_keras(run, dense_bundle):
    out = run("bench", dense_bundle, "--batch", "1", "--rounds", "2", "--against", "fashion-mnist-dense")
    assert "Keras' time / its" in out
    assert [line[:20].rstrip() for line in out.splitlines() if "in Keras" in line] == [
        "encoder in Keras",
        "decoder in Keras",
    ]


@pytest.mark.parametrize("backend", ["onnx", "tflite"])
def test_encode_decode_reconstruct_generate(run, root, tmp_path, dense_bundle, backend):
    samples = root / "models" / "fashion-mnist-dense" / "samples.npz"
    vae = load(dense_bundle, backend)
    x = np.load(samples)["x"].astype(np.float32) / 255
    on = ("--backend", backend)
    assert run("encode", dense_bundle, samples, *on, "--seed", 3) == (
        "wrote mu, logvar, z of 256 inputs to latents.npz\n"
    )
    latents = np.load(tmp_path / "latents.npz")
    mu, logvar = vae.encode(x)
    np.testing.assert_array_equal(latents["mu"], mu)
    np.testing.assert_array_equal(latents["logvar"], logvar)
    np.testing.assert_array_equal(latents["z"], vae.sample(mu, logvar, seed=3))
    run("decode", dense_bundle, "latents.npz", *on, "-o", "decoded.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "decoded.npy"), vae.decode(latents["z"]))
    figures = json.loads(run("reconstruct", dense_bundle, samples, *on, "--seed", 3, "-o", "r.npy", "--json"))
    np.testing.assert_array_equal(np.load(tmp_path / "r.npy"), vae.reconstruct(x, seed=3))
    assert figures["count"] == 256
    assert 0.05 < figures["mean_absolute_error"] < 0.15
    assert run("generate", dense_bundle, *on, "-n", 64, "--seed", 7, "-o", "grid.png") == (
        "wrote 64 images of seed 7 to grid.png\n"
    )
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (8 * 58 + 2, 8 * 58 + 2)
        pixels = np.asarray(picture).astype(int)
    first = np.rint(vae.generate(1, seed=7)[0, ..., 0] * 255).repeat(2, 0).repeat(2, 1)
    assert np.abs(pixels[2:58, 2:58] - first).max() <= 1


def test_generate_goes_on_where_it_stopped(run, tmp_path, dense_bundle):
    run("generate", dense_bundle, "-n", 5, "-o", "all.npy")
    run("generate", dense_bundle, "-n", 2, "--start", 3, "-o", "rest.npy")
    whole, rest = np.load(tmp_path / "all.npy"), np.load(tmp_path / "rest.npy")
    np.testing.assert_allclose(rest, whole[3:], rtol=0, atol=1e-6)


def test_a_folder_of_pictures_and_back(run, tmp_path, dense_bundle):
    run("generate", dense_bundle, "-n", 5, "--seed", 7, "--start", 20, "-o", "images")
    files = sorted((tmp_path / "images").iterdir())
    assert [file.name for file in files] == [f"0000{number}.png" for number in range(20, 25)]
    drawn = load(dense_bundle).generate(5, seed=7, start=20)
    for file, image in zip(files, drawn, strict=True):
        with Image.open(file) as picture:
            np.testing.assert_allclose(np.asarray(picture), image[..., 0] * 255, rtol=0, atol=0.501)
    assert run("encode", dense_bundle, "images", "-o", "latents") == (
        "wrote mu, logvar, z of 5 inputs to latents\n"
    )
    assert sorted(file.name for file in (tmp_path / "latents").iterdir()) == [
        "logvar.npy",
        "mu.npy",
        "z.npy",
    ]
    run("decode", dense_bundle, "latents/z.npy", "-o", "decoded")
    run("reconstruct", dense_bundle, "images", "--start", 3, "-o", "again")
    assert sorted(file.name for file in (tmp_path / "decoded").iterdir())[-1] == "000004.png"
    assert sorted(file.name for file in (tmp_path / "again").iterdir())[-1] == "000007.png"


def test_results_do_not_depend_on_the_parts(run, tmp_path, dense_bundle):
    """1,500 rows are two parts, of 1,024 and 476; beside all of them at once."""
    vae = load(dense_bundle)
    run("generate", dense_bundle, "-n", 1500, "--seed", 5, "--start", 10, "-o", "x.npy")
    x = np.load(tmp_path / "x.npy")
    np.testing.assert_allclose(x, vae.generate(1500, seed=5, start=10), rtol=0, atol=1e-6)
    printed = json.loads(run("encode", dense_bundle, "x.npy", "--seed", 3, "--start", 9, "--json"))
    latents = np.load(tmp_path / "latents.npz")
    mu, _ = vae.encode(x)
    np.testing.assert_allclose(latents["mu"], mu, rtol=0, atol=1e-5)
    # The noise is the same to the bit.
    z = vae.sample(latents["mu"], latents["logvar"], seed=3, start=9)
    np.testing.assert_array_equal(latents["z"], z)
    for name in ("mu", "logvar", "z"):
        np.testing.assert_array_equal(np.float32(printed[name]), latents[name])
    run("decode", dense_bundle, "latents.npz", "-o", "d.npy")
    np.testing.assert_allclose(np.load(tmp_path / "d.npy"), vae.decode(z), rtol=0, atol=1e-6)
    figures = json.loads(
        run("reconstruct", dense_bundle, "x.npy", "--seed", 3, "--start", 9, "-o", "r.npy", "--json")
    )
    again = np.load(tmp_path / "r.npy")
    np.testing.assert_allclose(again, vae.reconstruct(x, seed=3, start=9), rtol=0, atol=1e-5)
    assert figures["mean_absolute_error"] == pytest.approx(np.abs(again - x).mean(), rel=1e-5, abs=0)


@pytest.mark.parametrize("backend", ["onnx", "tflite"])
def test_nothing_but_the_result_is_printed(dense_bundle, tmp_path, backend):
    """In a process of its own: LiteRT speaks once in each."""
    process = start(tmp_path, "generate", str(dense_bundle), "--backend", backend)
    assert process.communicate() == ("wrote 16 images of seed 0 to generated.png\n", "")


def test_encode_prints_figures_as_json(run, root, dense_bundle):
    samples = root / "models" / "fashion-mnist-dense" / "samples.npz"
    assert np.shape(json.loads(run("encode", dense_bundle, samples, "--json"))["mu"]) == (256, 2)


def test_a_picture_can_be_encoded(run, root, tmp_path, dense_bundle):
    sample = np.load(root / "models" / "fashion-mnist-dense" / "samples.npz")["x"][0, ..., 0]
    Image.fromarray(sample).save(tmp_path / "boot.png")
    run("reconstruct", dense_bundle, "boot.png")
    with Image.open(tmp_path / "reconstruction.png") as picture:
        assert picture.size == (60, 118)
