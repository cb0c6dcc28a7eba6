"""What "auto" tries, and what it takes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import vae_export
from tests.tiny_models import samples, tiny_vae
from vae_export.core.artifact import Artifact
from vae_export.core.fidelity import EncoderFidelity
from vae_export.core.precision import PRECISIONS, Budget
from vae_export.errors import ConversionError
from vae_export.pipeline import choosing
from vae_export.pipeline.choosing import Candidate, choose

LOWER = [name for name, one in PRECISIONS.items() if one.budget is not None]


def export(tmp_path, **options):
    return vae_export.export(
        "fashion-mnist-dense", tmp_path / "b", format="onnx", precision="auto", **options
    )


def taken(result):
    return [artifact["file"] for artifact in result.manifest.to_dict()["artifacts"]]


def test_the_smallest_within_the_budget(tmp_path):
    result = export(tmp_path)
    for role in ("encoder", "decoder"):
        tried = [one for one in result.candidates if one.file.startswith(role)]
        within = [one for one in tried if not one.failures]
        (chosen,) = [one for one in tried if one.chosen]
        assert len(chosen.artifact.data) == min(len(one.artifact.data) for one in within)
        assert {one.file for one in tried} == {
            f"{role}{precision}.onnx" for precision in ("", ".float16", ".dynamic-int8", ".int8")
        }
        assert all(one.seconds > 0 for one in tried)
        assert chosen.file in taken(result)
    assert len(taken(result)) == 2
    assert all("int8" in file for file in taken(result))


@pytest.mark.parametrize(
    ("budget", "files"),
    [
        ({"min_psnr": 60, "max_kl": 0.0005}, ["encoder.float16.onnx", "decoder.float16.onnx"]),
        ({"min_psnr": 120, "max_kl": 1e-9}, ["encoder.onnx", "decoder.onnx"]),
    ],
)
def test_a_tighter_budget_takes_more(tmp_path, budget, files):
    result = export(tmp_path, **budget)
    assert taken(result) == files
    vae_export.load(result.path).self_test()


def test_single_layers_in_float_before_giving_up(tmp_path):
    """Within a budget that integers alone do not keep, mixed files are tried, the worst layer first."""
    result = export(tmp_path, max_kl=0.01)
    mixed = [one for one in result.candidates if one.float_tensors]
    assert mixed
    assert {one.file for one in mixed} == {"encoder.int8.onnx"}
    whole = next(
        one for one in result.candidates if one.file == "encoder.int8.onnx" and not one.float_tensors
    )
    assert whole.failures
    assert mixed[-1].fidelity.kl_mean < whole.fidelity.kl_mean
    assert mixed[-1].artifact.float_tensors == mixed[-1].float_tensors


def test_without_samples_ranges_are_not_tried(tmp_path):
    result = vae_export.export(tiny_vae(), tmp_path / "b", format="onnx", precision="auto")
    left_out = [one for one in result.candidates if one.artifact is None]
    assert {one.file for one in left_out} == {"encoder.int8.onnx", "decoder.int8.onnx"}
    assert {one.failures for one in left_out} == {("needs real samples of x",)}


def test_formats_choose_for_themselves(tmp_path):
    result = vae_export.export(
        tiny_vae(), tmp_path / "b", precision="auto", samples=samples(160), min_psnr=30, max_kl=0.5
    )
    assert len([one for one in result.candidates if one.chosen]) == 4
    for backend in ("onnx", "tflite"):
        vae = vae_export.load(result.path, backend)
        vae.self_test()


class Fixed:
    """A quantiser whose files are as they are said to be."""

    def __init__(self, files):
        self.files = files

    def quantise(self, artifact, precision, keep_float=()):
        found = self.files[precision, tuple(keep_float)]
        if isinstance(found, Exception):
            raise found
        size, _ = found
        return Artifact(
            artifact.role,
            artifact.format,
            precision,
            {f"encoder.{precision}.onnx": bytes(size)},
            (),
            (),
            None,
            1,
            (),
            "",
            float_tensors=tuple(keep_float),
        )

    def quantisable(self, artifact, precision):
        return "first", "middle", "last"


@pytest.fixture
def run(monkeypatch):
    """run(prefer, {(precision, in float): (bytes, KL) or an error}, seconds by file): the candidates."""

    def run(prefer, files, seconds=None):
        kl = {bytes(value[0]): value[1] for value in files.values() if not isinstance(value, Exception)}
        monkeypatch.setattr(choosing, "load_artifact", lambda artifact, threads=None: artifact.data)
        monkeypatch.setattr(
            choosing,
            "measure",
            lambda artifact, runner, references: EncoderFidelity(kl[runner], kl[runner], 0, 0),
        )

        def timed(tried, reference):
            return [
                choosing.replace(one, seconds=(seconds or {}).get(one.file, 1.0)) if one.artifact else one
                for one in tried
            ]

        monkeypatch.setattr(choosing, "_timed", timed)
        float32 = Artifact(
            "encoder", "onnx", "float32", {"encoder.onnx": bytes(1000)}, (), (), None, 1, (), ""
        )
        return choose(
            [float32],
            Fixed(files),
            SimpleNamespace(measured=None),
            SimpleNamespace(budgets={name: Budget(40, 0.1) for name in LOWER}, prefer=prefer),
            calibrated=True,
            progress=lambda _: None,
        )

    return run


FILES = {("float16", ()): (500, 0.001), ("dynamic-int8", ()): (300, 0.05), ("int8", ()): (250, 0.09)}


def chosen(candidates):
    (one,) = [candidate for candidate in candidates if candidate.chosen]
    return one.file, one.float_tensors


def test_size_and_speed(run):
    assert chosen(run("size", FILES)) == ("encoder.int8.onnx", ())
    seconds = {
        "encoder.onnx": 1.0,
        "encoder.float16.onnx": 2.0,
        "encoder.dynamic-int8.onnx": 0.5,
        "encoder.int8.onnx": 3.0,
    }
    assert chosen(run("speed", FILES, seconds)) == ("encoder.dynamic-int8.onnx", ())
    # Of equally fast ones the smaller.
    assert chosen(run("speed", FILES)) == ("encoder.int8.onnx", ())


def test_layers_go_to_float_by_what_they_lose(run):
    files = {
        **FILES,
        ("int8", ()): (250, 5.0),
        ("int8", ("first",)): (260, 2.0),
        ("int8", ("middle",)): (261, 4.0),
        ("int8", ("last",)): (262, 1.0),
        ("int8", ("first", "last")): (272, 0.08),
    }
    candidates = run("size", files)
    assert [one.float_tensors for one in candidates if one.file == "encoder.int8.onnx"] == [
        (),
        ("last",),
        ("first", "last"),
    ]
    assert chosen(candidates) == ("encoder.int8.onnx", ("first", "last"))


def test_one_layer_may_be_enough(run):
    files = {
        **FILES,
        ("int8", ()): (250, 5.0),
        **{
            ("int8", (name,)): (260 + number, kl)
            for number, (name, kl) in enumerate({"first": 2.0, "middle": 0.01, "last": 1.0}.items())
        },
    }
    candidates = run("size", files)
    assert chosen(candidates) == ("encoder.int8.onnx", ("middle",))


def test_nothing_but_float32_will_do(run):
    files = {(precision, ()): (size, 9.0) for (precision, _), (size, _) in FILES.items()}
    files |= {
        ("int8", kept): (600 + len(kept), 9.0)
        for kept in [("first",), ("middle",), ("last",), ("first", "middle")]
    }
    assert chosen(run("size", files)) == ("encoder.onnx", ())


def test_what_cannot_be_made_says_why(run):
    files = {**FILES, ("int8", ()): ConversionError("encoder.int8.onnx: no weights are left to quantise")}
    candidates = run("size", files)
    refused = Candidate(
        "encoder.int8.onnx", (), None, None, None, ("encoder.int8.onnx: no weights are left to quantise",)
    )
    assert refused in candidates
    assert chosen(candidates) == ("encoder.dynamic-int8.onnx", ())
