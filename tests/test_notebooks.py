"""What an interpreter and a notebook show."""

import base64
import re

import numpy as np
from PIL import Image

import vae_export
from tests.tiny_models import samples, tiny_vae
from vae_export.bundle.reader import read_bundle


def test_results_are_one_line(dense_result, dense_int8_bundle, tmp_path):
    shown = [
        dense_result,
        dense_result.report,
        read_bundle(dense_result.path),
        vae_export.load(dense_result.path),
        vae_export.bench(dense_result.path, rounds=2, batch=(1,)),
        vae_export.explain(dense_int8_bundle, "decoder.int8.onnx"),
        vae_export.report(dense_result.path, tmp_path / "r.html", rounds=2),
        vae_export.inspect(tiny_vae()),
    ]
    for one in shown:
        assert re.fullmatch(r"<\w+: .{10,200}>", repr(one)), repr(one)[:300]
    assert repr(shown[3]) == "<Vae: fashion-mnist-dense, onnx float32, x [28, 28, 1], z [2]>"


def test_a_notebook_shows_the_parity_table(dense_result):
    page = dense_result._repr_html_()
    assert page == dense_result.report._repr_html_()
    assert page.count("<tr>") == 1 + len(dense_result.report.rows)
    assert "<td>decoder.onnx</td><td>reconstruction</td>" in page
    assert "NO" not in page


def test_a_notebook_shows_draws_from_the_prior(dense_result, tmp_path):
    vae = vae_export.load(dense_result.path)
    (png,) = re.findall(r"base64,([^\"]+)", vae._repr_html_())
    (tmp_path / "a.png").write_bytes(base64.b64decode(png))
    pixels = np.asarray(Image.open(tmp_path / "a.png"))
    expected = np.concatenate(list(vae.generate(8, seed=7)[..., 0]), axis=1)
    np.testing.assert_array_equal(pixels, np.rint(np.clip(expected, 0, 1) * 255))


def test_what_is_no_picture_is_shown_as_text(tmp_path):
    import keras

    model = tiny_vae()
    flat = keras.Model(model.inputs, keras.layers.Flatten()(model.outputs[0]))
    path = vae_export.export(flat, tmp_path / "b", format="onnx", samples=samples(), name="flat").path
    assert vae_export.load(path)._repr_html_() is None
