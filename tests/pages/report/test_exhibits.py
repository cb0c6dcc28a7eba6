import dataclasses

import numpy as np
import pytest
from msgspec.structs import replace

from vae_export.core.manifest import XEntry
from vae_export.pages.report import exhibits
from vae_export.pages.report.exhibits import Views
from vae_export.pages.view import View


def shown(found, picture_shape=None):
    views = Views.of(found, picture_shape)
    return {
        name: getattr(exhibits, name)(found, views)
        for name in ("reconstructions", "samples", "manifold", "interpolations")
    }


def test_pictures(dense_measured):
    found = shown(dense_measured)
    (one,) = found["reconstructions"]
    assert [row.label for row in one.rows] == [
        "original x",
        "Keras",
        "ONNX Runtime, float32",
        "LiteRT, float32",
    ]
    assert [len(row.tiles) for row in one.rows] == [8] * 4
    assert [row.note[:7] for row in one.rows] == ["", "", "off by ", "off by "]
    assert one.rows[2].tiles[3].alt == "ONNX Runtime, float32, golden sample 3"
    assert one.rows[0].tiles[0].uri != one.rows[1].tiles[0].uri
    (one,) = found["samples"]
    assert (len(one.rows[0].tiles), one.rows[0].tiles[5].alt) == (32, "sample 5 of seed 7")
    (one,) = found["manifold"]
    assert one.rows[0].tiles[0].size == (15 * 28, 15 * 28)
    assert found["interpolations"] == []


def test_what_differs_is_shown_so(dense_measured):
    runs = list(dense_measured.runs)
    golden = dense_measured.golden["reconstruction"]
    runs[0] = dataclasses.replace(runs[0], reconstructions={"reconstruction": golden + np.float32(0.25)})
    runs[1] = dataclasses.replace(runs[1], reconstructions={"reconstruction": golden})
    (one,) = shown(dataclasses.replace(dense_measured, runs=tuple(runs)))["reconstructions"]
    assert [row.note for row in one.rows[2:]] == ["off by 2.5e-01", "equal"]
    assert one.rows[1].tiles[0].uri == one.rows[3].tiles[0].uri != one.rows[2].tiles[0].uri


def test_interpolations_of_pictures(measured, bundle_of):
    (one,) = shown(measured(bundle_of("several latents")))["interpolations"]
    assert [row.label for row in one.rows] == ["0 to 1", "2 to 3", "4 to 5", "6 to 7"]
    assert one.rows[0].tiles[0].size == (8 * 6, 6)


def test_signals(measured, bundle_of):
    found = shown(measured(bundle_of("signals")))
    assert all(one.drawing and not one.rows for entries in found.values() for one in entries)
    (one,) = found["reconstructions"]
    assert one.drawing.alt.startswith(
        "4 golden samples as lines, row by row: original x, Keras, ONNX Runtime, float32, LiteRT, float32. "
        "Differences: ONNX Runtime, float32 off by "
    )
    assert one.count == 4
    assert found["samples"][0].drawing.alt == "Samples 0 to 15 of seed 7 as lines, row by row, 4 in a row."
    assert "grid of 5 lines and 5 columns" in found["manifold"][0].drawing.alt
    assert found["interpolations"][0].drawing.alt.startswith(
        "reconstruction in 8 steps between the mu of golden"
    )


def test_flat_rows_are_what_they_are_said_to_be(measured, bundle_of):
    found = measured(bundle_of("flat"))
    assert shown(found)["samples"][0].drawing is not None
    pictures = shown(found, (4, 5))
    assert pictures["samples"][0].rows[0].tiles[0].size == (5, 4)
    assert pictures["reconstructions"][0].rows[0].label == "original x"
    assert pictures["manifold"][0].rows[0].tiles[0].size == (15 * 5, 15 * 4)


def test_x_that_is_not_shaped_like_an_output_is_left_out(measured, bundle_of):
    guess, picture = shown(measured(bundle_of("several outputs")))["reconstructions"]
    assert (guess.output, picture.output) == ("guess", "picture")
    assert "original x" not in guess.drawing.alt
    assert "original x" in picture.drawing.alt


def test_what_can_be_shown_as_neither(dense_measured):
    views = Views.of(dense_measured, None)
    views = dataclasses.replace(views, outputs={"reconstruction": None})
    for show in (exhibits.reconstructions, exhibits.samples, exhibits.manifold):
        (one,) = show(dense_measured, views)
        assert (one.rows, one.drawing, one.shape) == ((), None, (28, 28, 1))


@pytest.mark.parametrize(("x_range", "expected"), [((-1.0, 1.0), (-1.0, 1.0)), (None, (0.0, 1.0))])
def test_the_range_of_pictures(dense_measured, x_range, expected):
    manifest = replace(dense_measured.bundle.manifest, x=XEntry(range=x_range))
    bundle = dataclasses.replace(dense_measured.bundle, manifest=manifest)
    views = Views.of(dataclasses.replace(dense_measured, bundle=bundle), None)
    assert views.value_range == views.x_range == expected
    assert views.x == View("picture", (28, 28, 1))


def test_x_of_bytes(dense_measured):
    artifacts = tuple(
        replace(entry, inputs=tuple(replace(tensor, dtype="uint8") for tensor in entry.inputs))
        for entry in dense_measured.bundle.artifacts
    )
    manifest = replace(dense_measured.bundle.manifest, artifacts=artifacts, x=XEntry(range=None))
    bundle = dataclasses.replace(dense_measured.bundle, manifest=manifest)
    views = Views.of(dataclasses.replace(dense_measured, bundle=bundle), None)
    assert (views.x_range, views.value_range) == ((0.0, 255.0), (0.0, 1.0))
