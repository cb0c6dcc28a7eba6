import json

from vae_export.bundle.reader import read_bundle
from vae_export.core.manifest import decode
from vae_export.runtime.python import vae_runtime
from vae_export.verify.golden_parity import check_golden


def test_each_stage_has_its_own_tolerance(dense_bundle):
    bundle = read_bundle(dense_bundle)
    golden = bundle.golden_arrays()
    vae = vae_runtime.load(bundle.path, "onnx")
    values = bundle.manifest.to_dict()
    decoder = next(entry for entry in values["artifacts"] if entry["file"] == "decoder.onnx")
    decoder["parity"]["reconstruction"]["tolerance"] = 0.25
    for row in values["end_to_end"]:
        row["tolerance"] = 0.125
    manifest = decode(json.dumps(values).encode())
    found = {(row.artifact, row.output): row.tolerance for row in check_golden(manifest, vae, golden)}
    whole = "encoder.onnx → decoder.onnx"
    assert found["noise stream", "epsilon"] == 0
    assert found["decoder.onnx", "reconstruction"] == found["decoder.onnx", "generated"] == 0.25
    assert found[whole, "reconstruction"] == found[whole, "z"] == 0.125
