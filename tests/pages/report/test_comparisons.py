import math
from types import SimpleNamespace

import msgspec
import pytest

from vae_export.core.manifest import ArtifactEntry, EndToEndEntry, ParityEntry
from vae_export.pages.report.comparisons import Comparison, compare, fidelities
from vae_export.pages.report.golden_run import GoldenRun
from vae_export.verify.parity import OutputParity


def here(error=1e-6, tolerance=1e-5, output="mu", artifact="encoder.onnx", failures=()):
    return OutputParity(artifact, output, error, error, error, None, tolerance, failures)


def recorded(error=2e-6, tolerance=1e-5):
    return ParityEntry(
        max_absolute_error=error,
        mean_absolute_error=error,
        max_relative_error=error,
        tolerance=tolerance,
        sqnr_db=130.0,
    )


@pytest.mark.parametrize(
    ("at_export", "row", "ok", "share"),
    [
        (recorded(), here(), True, 0.2),
        (recorded(), here(5e-6), True, 0.5),
        (None, here(0.0, 0.0), True, 0.0),
        (None, here(1e-7, 0.0, failures=("off",)), False, math.inf),
        (recorded(2e-5), here(), False, 2.0),
        (recorded(), here(math.inf, failures=("NaN",)), False, math.inf),
    ],
    ids=["at export", "here", "noise", "other noise", "failed at export", "not finite"],
)
def test_one_output(at_export, row, ok, share):
    found = Comparison(at_export, row)
    assert (found.ok, found.share) == (ok, pytest.approx(share))


def test_what_failed_at_export_is_said():
    assert Comparison(recorded(2e-5), here()).failures == (
        "encoder.onnx: output 'mu', at export: largest error 2e-05, tolerance 1e-05",
    )


def entry(role, **changes):
    """An artifact's entry in a manifest."""
    tensor = {"name": "t", "shape": [1], "dtype": "float32", "quantisation": None}
    values = {
        "role": role,
        "file": f"{role}.onnx",
        "bytes": 1,
        "sha256": "0" * 64,
        "format": "onnx",
        "precision": "float32",
        "companions": [],
        "inputs": [tensor],
        "outputs": [tensor],
        "batches": None,
        "preferred_batch": 1,
        "operators": [],
        "oldest_runtime": "onnxruntime 1.15.1",
        "details": {},
        "quantiser": None,
        "float_tensors": [],
        "parity": {},
        "fidelity": None,
        "budget": None,
    }
    return msgspec.convert({**values, **changes}, ArtifactEntry)


def test_figures_of_both_are_joined():
    figures = msgspec.to_builtins(recorded(3e-6))
    manifest = SimpleNamespace(
        artifacts=[entry("encoder", parity={"mu": msgspec.to_builtins(recorded())})],
        end_to_end=[EndToEndEntry(artifacts="encoder.onnx → decoder.onnx", output="z", **figures)],
    )
    rows = (
        here(),
        here(output="z", artifact="encoder.onnx → decoder.onnx"),
        here(output="generated", artifact="decoder.onnx"),
    )
    found = compare(manifest, GoldenRun("ONNX Runtime", "float32", {}, rows, {}, {}))
    assert [one.at_export and one.at_export.max_absolute_error for one in found] == [2e-6, 3e-6, None]


ENCODER = {"kl_mean": 0.02, "kl_worst": 0.3, "mu_error_mean": 0.1, "mu_error_worst": 0.4}
ALIKE = {"psnr": 45.0, "psnr_worst": 40.0, "ssim": 0.99, "ssim_worst": 0.98}


@pytest.mark.parametrize(
    ("given", "failures"),
    [
        (entry("encoder", fidelity=ENCODER, budget={"max_kl": 0.05}), ()),
        (
            entry("encoder", fidelity=ENCODER, budget={"max_kl": 0.01}),
            (
                "mean KL from the posterior 0.02 nats, expected at most 0.01",
                "worst KL from the posterior 0.3",
            ),
        ),
        (entry("decoder", fidelity={"posterior": ALIKE, "prior": ALIKE}, budget={"min_psnr": 42}), ()),
        (
            entry(
                "decoder",
                fidelity={"posterior": ALIKE, "prior": {**ALIKE, "psnr": 41.0}},
                budget={"min_psnr": 42},
            ),
            ("PSNR 41.0 dB on z of the prior, expected at least 42",),
        ),
    ],
    ids=["encoder", "encoder beyond", "decoder", "decoder beyond"],
)
def test_budgets(given, failures):
    (found,) = fidelities([entry("encoder"), given])
    assert found.file == given.file
    assert len(found.failures) == len(failures)
    for line, expected in zip(found.failures, failures, strict=True):
        assert expected in line
