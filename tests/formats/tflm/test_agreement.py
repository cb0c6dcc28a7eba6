"""TensorFlow Lite Micro beside LiteRT."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vae_export.core.artifact import Artifact, TensorSpec
from vae_export.errors import ParityError
from vae_export.formats.tflite.flatbuffer import to_bytes
from vae_export.formats.tflm import deployment
from vae_export.formats.tflm.agreement import MOST_STEPS, Difference, differences, require_agreement
from vae_export.private.litert import read_model


def test_differences_in_steps():
    got = {"a": np.float32([[0.0, 1.5]]), "b": np.int8([[-100]]), "c": np.float32([[0, 51]])}
    expected = {"a": np.float32([[0.0, 1.0]]), "b": np.int8([[100]]), "c": np.float32([[0, 255]])}
    assert differences("f", got, expected, {"a": 0.25, "b": 0.5, "c": None}) == {
        "a": Difference(2.0, 1.0),
        "b": Difference(200.0, 200.0),
        "c": Difference(204.0, 102.0),
    }


def test_another_shape():
    with pytest.raises(ParityError) as error:
        differences("f", {"a": np.zeros((1, 2))}, {"a": np.zeros((2, 1))}, {"a": None})
    assert error.value.failures == (
        "f: a: TensorFlow Lite Micro gives float64 [1, 2], expected float64 [2, 1] as LiteRT does",
    )


@pytest.mark.parametrize(
    "difference",
    [Difference(MOST_STEPS + 1, 0.1), Difference(3, 0.6), Difference(float("nan"), float("nan"))],
    ids=["one value", "all of them a little", "NaN"],
)
def test_too_far(difference):
    require_agreement("f", {"a": Difference(MOST_STEPS, 0.1)})
    with pytest.raises(ParityError, match=r"^1 output differs in TensorFlow Lite Micro$") as error:
        require_agreement("f", {"a": Difference(0, 0), "b": difference})
    (failure,) = error.value.failures
    assert failure.startswith("f: b: TensorFlow Lite Micro is ")
    assert failure.endswith("in the mean, expected at most 16 and 0.5; use another tflite-micro")


def artifact_of(path, entry):
    def specs(side):
        return tuple(TensorSpec(one["name"], tuple(one["shape"]), one["dtype"]) for one in entry[side])

    known = {field.name for field in dataclasses.fields(Artifact)}
    kept = {name: value for name, value in entry.items() if name in known}
    kept.update(
        inputs=specs("inputs"),
        outputs=specs("outputs"),
        files={entry["file"]: (path / entry["file"]).read_bytes()},
    )
    return Artifact(**kept)


@pytest.mark.parametrize("role", ["encoder", "decoder"])
def test_altered_weights_in_one_of_the_two_are_caught(mcu_result, halves, role, monkeypatch):
    artifact = artifact_of(mcu_result.path, halves[role][0])
    model = read_model(artifact.data)
    largest = max(
        (buffer for buffer in model.buffers if buffer.data is not None), key=lambda buffer: len(buffer.data)
    )
    weights = np.array(largest.data, np.uint8).view(np.int8)
    largest.data = np.roll(weights, 1).view(np.uint8)
    altered, real = to_bytes(model), deployment.run_reference
    rng = np.random.default_rng(0)
    rows = {spec.name: rng.random((4, *spec.shape[1:]), np.float32) for spec in artifact.inputs}
    deployment.deploy(artifact, "m", rows)
    monkeypatch.setattr(deployment, "run_reference", lambda _, given: real(altered, given))
    with pytest.raises(ParityError, match=r"differs? in TensorFlow Lite Micro$"):
        deployment.deploy(artifact, "m", rows)
