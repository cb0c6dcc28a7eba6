import os

import numpy as np
import pytest

from tests.broken_bundles import edit_manifest
from vae_export.bundle.reader import is_bundle, read_bundle
from vae_export.errors import BundleError


def set_path(name):
    return lambda bundle: edit_manifest(bundle, lambda m: m["artifacts"][0].update(file=name))


def set_version(version):
    return lambda bundle: edit_manifest(bundle, lambda m: m.update(format_version=version))


def alter(bundle):
    file = bundle / "decoder.onnx"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def link(bundle):
    file = bundle / "decoder.onnx"
    file.rename(bundle.parent / "elsewhere.onnx")
    file.symlink_to(bundle.parent / "elsewhere.onnx")


def link_folder(bundle):
    (bundle / "golden").rename(bundle.parent / "golden")
    (bundle / "golden").symlink_to(bundle.parent / "golden")


def drop_key(bundle):
    edit_manifest(bundle, lambda m: m["latents"][0].pop("epsilon_scale"))


def no_json(bundle):
    (bundle / "manifest.json").write_text("{")


TAMPERED = {
    "a file is missing": (
        lambda b: (b / "decoder.onnx").unlink(),
        r"decoder\.onnx: missing; export the bundle",
    ),
    "a golden file is missing": (
        lambda b: (b / "golden/mu.f32").unlink(),
        r"golden/mu\.f32: missing; export",
    ),
    "one bit is altered": (
        alter,
        r"decoder\.onnx: altered, got SHA-256 [0-9a-f]{12}…, expected [0-9a-f]{12}…; ",
    ),
    "a file is cut short": (
        lambda b: os.truncate(b / "decoder.tflite", 100),
        r"decoder\.tflite: altered, got 100 bytes, expected \d+; export the bundle again$",
    ),
    "the helper is altered": (
        lambda b: (b / "vae_runtime.py").write_text(""),
        r"vae_runtime\.py: altered, got 0",
    ),
    "an extra file": (
        lambda b: (b / "extra.bin").touch(),
        r"extra\.bin: not in manifest\.json, expected only the bundle's files; move it out$",
    ),
    "an extra link": (lambda b: (b / "more").symlink_to("/etc"), r"more: not in manifest\.json"),
    "a path outside": (
        set_path("../secret"),
        r"manifest\.json: got the path '\.\./secret', expected one inside",
    ),
    "a path outside, hidden": (
        set_path("golden/../../s"),
        r"got the path 'golden/\.\./\.\./s', expected one",
    ),
    "an absolute path": (
        set_path("/etc/passwd"),
        r"got the path '/etc/passwd', expected one inside the bundle",
    ),
    "a Windows path": (set_path("C:evil"), r"got the path 'C:evil', expected one inside the bundle"),
    "a backslash": (set_path("..\\evil"), r"got the path '\.\.\\\\evil', expected one inside the bundle"),
    "a link to a file": (link, r"decoder\.onnx: is a link, expected a plain file; export the bundle again$"),
    "a link to a folder": (link_folder, r"golden/\w+\.f32: is a link, expected a plain file"),
    "a newer version": (
        set_version(2),
        r"manifest\.json: got format_version 2, expected 1; use a version of vae-",
    ),
    "no version": (set_version(None), r"manifest\.json: got format_version None, expected 1"),
    "no JSON": (no_json, r"manifest\.json: cannot be read as JSON \(.+\); export the bundle again$"),
    "another JSON": (
        lambda b: (b / "manifest.json").write_text("[]"),
        r"got format_version None, expected 1",
    ),
    "a key is missing": (
        drop_key,
        r"manifest\.json: \$\.latents\[0\]: Object missing required field `epsilon_scale`; export",
    ),
    "no number": (
        lambda b: edit_manifest(b, lambda m: m["latents"][0].update(epsilon_scale=float("nan"))),
        r"manifest\.json: cannot be read as JSON \(JSON is malformed: .+\); export the bundle again$",
    ),
    "no integer": (
        lambda b: edit_manifest(b, lambda m: m["artifacts"][0].update(bytes=True)),
        r"manifest\.json: \$\.artifacts\[0\]\.bytes: Expected `int`, got `bool`; export the bundle again$",
    ),
    "a negative number": (
        lambda b: edit_manifest(b, lambda m: m["artifacts"][0].update(bytes=-1)),
        r"\$\.artifacts\[0\]\.bytes: Expected `int` >= 0; export",
    ),
    "no hash": (
        lambda b: edit_manifest(b, lambda m: m["artifacts"][0].update(sha256="0")),
        r"\$\.artifacts\[0\]\.sha256: Expected `str` matching regex '\^\[0-9a-f\]\{64\}\$'; export",
    ),
    "another role": (
        lambda b: edit_manifest(b, lambda m: m["artifacts"][0].update(role="both")),
        r"\$\.artifacts\[0\]\.role: Invalid value 'both'; export",
    ),
    "another parametrisation": (
        lambda b: edit_manifest(b, lambda m: m["latents"][0].update(parametrisation="precision")),
        r"\$\.latents\[0\]: parametrisation: got 'precision', expected one of 'log-variance', 'log-std', .*; export",
    ),
    "another source of it": (
        lambda b: edit_manifest(b, lambda m: m["latents"][0].update(parametrisation_source="rumour")),
        r"\$\.latents\[0\]: parametrisation_source: got 'rumour', expected one of 'probed', 'code', .*; export",
    ),
    "no x among the golden arrays": (
        lambda b: edit_manifest(b, lambda m: m["golden"]["arrays"].pop("x")),
        r"\$\.golden\.arrays: expected x among them; export",
    ),
    "a seed beyond 64 bits": (
        lambda b: edit_manifest(b, lambda m: m["golden"].update(seed=1 << 64)),
        r"\$\.golden(: expected seed and start below 2\*\*64|\.seed: Integer value out of range); export",
    ),
    "another noise": (
        lambda b: edit_manifest(b, lambda m: m["noise"].update(version=2)),
        r"manifest\.json: got noise version 2, expected 1; use a version of vae-export that knows it$",
    ),
    "a budget without figures": (
        lambda b: edit_manifest(b, lambda m: m["artifacts"][0].update(budget={"max_kl": 1.0})),
        r"encoder\.onnx: expected fidelity and budget, or none of them; export",
    ),
    "a half twice": (
        lambda b: edit_manifest(b, lambda m: m["artifacts"].append(m["artifacts"][0])),
        r"\$\.artifacts: expected one encoder and one decoder of each precision in onnx, or one of each; export",
    ),
    "a latent twice": (
        lambda b: edit_manifest(b, lambda m: m["latents"].append(m["latents"][0])),
        r"manifest\.json: \$\.latents: got mu mu, mu, expected each once among the outputs of encoder\.onnx; ",
    ),
    "a latent of another model": (
        lambda b: edit_manifest(b, lambda m: m["latents"][0].update(z="z_style")),
        r"manifest\.json: \$\.latents: got z z_style, expected each once among the inputs of decoder\.onnx; ",
    ),
    "no parity": (
        lambda b: edit_manifest(b, lambda m: m["artifacts"][0].update(parity={})),
        r"manifest\.json: encoder\.onnx: expected parity of \['logvar', 'mu'\]; export",
    ),
    "a deep manifest": (
        lambda b: (b / "manifest.json").write_text("[" * 100_000),
        r"manifest\.json: cannot be read as JSON \(",
    ),
    "no manifest": (
        lambda b: (b / "manifest.json").unlink(),
        r"bundle: no bundle, manifest\.json is missing; exp",
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampering_is_named(bundle_copy, case):
    tamper, message = TAMPERED[case]
    tamper(bundle_copy)
    with pytest.raises(BundleError, match=message):
        read_bundle(bundle_copy)


def test_no_such_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"none: no such bundle; make one with vae-export --format all -o"):
        read_bundle(tmp_path / "none")


def test_a_good_bundle(dense_bundle):
    bundle = read_bundle(dense_bundle)
    assert is_bundle(dense_bundle)
    assert [artifact.file for artifact in bundle.artifacts] == [
        "encoder.onnx",
        "decoder.onnx",
        "encoder.tflite",
        "decoder.tflite",
    ]
    assert bundle.x_range == (0.0, 1.0)
    x = bundle.golden("x")
    assert (x.shape, x.dtype) == ((8, 28, 28, 1), np.float32)


def test_importing_the_helper_from_the_bundle_does_no_harm(bundle_copy):
    (bundle_copy / "__pycache__").mkdir()
    (bundle_copy / "__pycache__" / "vae_runtime.cpython-311.pyc").touch()
    assert read_bundle(bundle_copy).path == bundle_copy
