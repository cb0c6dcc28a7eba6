import numpy as np
import pytest

from vae_export.bench.bundle_bench import bench_bundle, load_pairs
from vae_export.bundle.reader import read_bundle
from vae_export.errors import InputError
from vae_export.pipeline import bench
from vae_export.runtime.python.vae_runtime import VaeRuntimeError


@pytest.fixture(scope="module")
def bundle(dense_bundle):
    return read_bundle(dense_bundle)


@pytest.fixture(scope="module")
def loaded(bundle):
    return load_pairs(bundle, None)


def run(bundle, loaded, **options):
    return bench_bundle(bundle, loaded, batches=(1, 3), rounds=2, progress=lambda _: None, **options)


def golden(bundle, names):
    return lambda inputs: {name: bundle.golden(name)[: len(next(iter(inputs.values())))] for name in names}


def test_every_artifact_has_a_row(bundle, loaded):
    report = run(bundle, loaded)
    assert [(row.role, row.name) for row in report.rows] == [
        ("encoder", "encoder.onnx"),
        ("encoder", "encoder.tflite"),
        ("decoder", "decoder.onnx"),
        ("decoder", "decoder.tflite"),
    ]
    for row, entry in zip(
        report.rows, sorted(bundle.artifacts, key=lambda a: a.role == "decoder"), strict=True
    ):
        assert (row.bytes, row.threads) == (entry.bytes, 1)
        assert list(row.batches) == [1, 3]
        assert min(row.load.median, *(timing.median for timing in row.batches.values())) > 0
        assert row.max_absolute_error == max(figures.max_absolute_error for figures in entry.parity.values())
        assert row.speedup == {}
    assert report.rounds == 2


def test_beside_keras(bundle, loaded):
    keras = {"encoder": golden(bundle, ["mu", "logvar"]), "decoder": golden(bundle, ["reconstruction"])}
    rows = run(bundle, loaded, keras=keras, keras_threads=2).rows
    by_name = {(row.role, row.name): row for row in rows}
    beside = by_name["decoder", "Keras"]
    assert (beside.threads, beside.bytes, beside.load, beside.speedup) == (2, None, None, {1: 1.0, 3: 1.0})
    row = by_name["decoder", "decoder.onnx"]
    assert row.speedup == {size: beside.batches[size].ratio_to(row.batches[size]) for size in (1, 3)}


def test_each_artifact_is_given_its_own_inputs(bundle, loaded, monkeypatch):
    shapes = set()
    for vae in loaded:
        monkeypatch.setattr(vae, "encode", lambda inputs: shapes.add(("encoder", inputs["x"].shape)))
        monkeypatch.setattr(vae, "decode", lambda inputs: shapes.add(("decoder", inputs["z"].shape)))
    run(bundle, loaded)
    assert shapes == {
        (role, (size, *shape))
        for role, shape in (("encoder", (28, 28, 1)), ("decoder", (2,)))
        for size in (1, 3)
    }


def off_by(array, difference):
    return lambda inputs: {"reconstruction": array[: len(inputs["z"])] + np.float32(difference)}


def test_another_model_is_refused(bundle, loaded):
    encoder = golden(bundle, ["mu", "logvar"])
    image = bundle.golden("reconstruction")
    run(bundle, loaded, keras={"encoder": encoder, "decoder": off_by(image, 1e-4)})
    with pytest.raises(
        InputError, match=r"^against: its reconstruction is 0\.01 from the bundle's golden one; give"
    ):
        run(bundle, loaded, keras={"encoder": encoder, "decoder": off_by(image, 0.01)})
    with pytest.raises(
        InputError, match=r"^against: its reconstruction has shape \(28,\), the bundle's \(28, 28, 1\)"
    ):
        run(bundle, loaded, keras={"encoder": encoder, "decoder": off_by(image[:, 0, :, 0], 0)})

    def fails(inputs):
        raise TypeError("no")

    with pytest.raises(
        InputError, match=r"^against: its decoder does not take the bundle's z \(2,\); give the model"
    ):
        run(bundle, loaded, keras={"encoder": encoder, "decoder": fails})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rounds": 1}, InputError, r"^rounds: got 1, expected at least 2$"),
        ({"batch": (1, 0)}, InputError, r"^batch: got \(1, 0\), expected numbers of at least 1$"),
        ({"batch": ()}, InputError, r"^batch: got \(\), expected numbers of at least 1$"),
        ({"threads": 0}, VaeRuntimeError, r"^threads: got 0, expected 1 to 1024$"),
        ({"against": "none.keras"}, InputError, r"^none\.keras: no such file"),
    ],
    ids=str,
)
def test_wrong_arguments(dense_bundle, arguments, error, message):
    with pytest.raises(error, match=message):
        bench(dense_bundle, **arguments)


def test_keras_itself(dense_bundle):
    report = bench(dense_bundle, against="fashion-mnist-dense", batch=(2,), rounds=2)
    assert [row.name for row in report.rows if row.bytes is None] == ["Keras", "Keras"]
    assert all(row.speedup[2] > 0 for row in report.rows)
