import hashlib
import itertools
import re
from urllib.parse import urlsplit

import numpy as np
import pytest

import vae_export
from tests.broken_bundles import edit_manifest, shift_golden
from tests.gallery.parts.pieces import X, decoder, encoder_of
from tests.pages.report.bundles import KINDS
from tests.pages.report.page_reader import PageReader
from vae_export.errors import BundleError, InputError
from vae_export.pages.report.report import make_report
from vae_export.runtime.python.vae_runtime import Vae


@pytest.fixture(scope="module", params=["dense", "conv", "all precisions", *KINDS])
def report(request, report_of):
    """A report of each kind."""
    paths = {"dense": "dense_result", "conv": "conv_result", "all precisions": "lower_result"}
    if request.param in paths:
        return report_of(request.getfixturevalue(paths[request.param]).path)
    return report_of(request.getfixturevalue("bundle_of")(request.param))


def test_it_is_a_page_for_everybody(report):
    page = PageReader(report.html)
    assert report.failures == ()
    levels = page.levels()
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [attributes["href"] for attributes in page.of("a")]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert all(attributes["alt"].strip() for attributes in page.of("img"))
    assert all(attributes.get("scope") for attributes in page.of("th"))
    regions = [attributes for _, attributes in page.elements if attributes.get("class") == "scroll"]
    assert all((one["tabindex"], one["role"]) == ("0", "region") and one["aria-label"] for one in regions)
    assert len(regions) >= len(page.of("table"))


def test_it_needs_nothing_else(report):
    page = PageReader(report.html)
    assert page.of("script", "iframe", "object", "embed") == []
    for _, attributes in page.elements:
        for name in ("src", "srcset", "href"):
            assert urlsplit(attributes.get(name, "#")).scheme in ("data", ""), attributes
    assert "@import" not in report.html
    assert "url(" not in report.html
    (policy,) = (one["content"] for one in page.of("meta") if one.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_all_files_and_hashes_are_there(dense_report, dense_bundle):
    page = PageReader(dense_report.html)
    for file in dense_bundle.rglob("*"):
        if file.is_file() and file.name != "manifest.json" and "__pycache__" not in file.parts:
            data = file.read_bytes()
            name = file.relative_to(dense_bundle).as_posix()
            assert f"{name} {len(data):,} {hashlib.sha256(data).hexdigest()}" in page.text


def test_the_words_of_a_good_bundle(dense_report):
    text = PageReader(dense_report.html).text
    for words in (
        "✓ Every file matches Keras within its limits.",
        "A trained Keras VAE, cut at its sampling layer sampling into an encoder and a decoder, 4 files in all.",
        "14 of 14 comparisons pass",
        "2 of 2 on 8 samples",
        "Drawn from N(0, I) with seed 7 and decoded by decoder.onnx. The same as of vae-export generate --seed 7.",
        "from -1.83 to 1.83: z[0] to the right, z[1] upwards.",
        "2 of 2 latent values are active: active is",
        "Of the 8 golden samples of the bundle alone;",
        "sampling SamplingLayer z [2] log-variance exp(0.5 · logvar) measured on the layer 1 0",
        "z = mu + exp(0.5 · logvar) · epsilon",
        "ONNX Runtime, float32 ✓ pass 7 of 7",
        "Black and white are 0 and 1, the range of x, between which values are clipped.",
        "philox4x32-10, inverse normal CDF AS 241, version 1",
    ):
        assert words in text, words
    assert "✗" not in text
    assert "What lower precisions keep" not in text


def test_equal_input_gives_equal_bytes_but_for_the_times(dense_report, dense_bundle):
    def timeless(html):
        html = re.sub(r'<section class="panel" id="cost".*?</section>', "", html, flags=re.DOTALL)
        return re.sub(r"<div><dt>Fastest decoder.*?</div>", "", html)

    again = make_report(dense_bundle, rounds=2, progress=lambda _: None)
    assert timeless(again.html) == timeless(dense_report.html)


def test_lower_precisions_have_budgets(report_of, lower_result):
    text = PageReader(report_of(lower_result.path).html).text
    assert "63 of 63 comparisons pass" in text
    for file in ("encoder.int8.onnx", "decoder.int16x8.tflite"):
        (entry,) = (one for one in lower_result.manifest.to_dict()["artifacts"] if one["file"] == file)
        figures, ((_, budget),) = entry["fidelity"], entry["budget"].items()
        words = f"{figures['kl_mean']:.2g} {budget:g}" if "encoder" in file else f"{budget:g}"
        assert re.search(rf"✓ pass {re.escape(file)} [^✓]*{re.escape(words)} ", text)
    assert "encoder.int8.onnx → decoder.int8.onnx -" in text


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("conditions", "The decoder's label: as of the golden samples, in turn."),
        ("conditions", "label: held at golden sample 0's."),
        ("conditions", "to that of the next; label held at the first one's."),
        ("several latents", "cut at its sampling layer content, at its sampling layer style into an encoder"),
        ("several latents", "z_style = mu_style + exp(0.5 · logvar_style) · epsilon_style"),
        ("several outputs", "guess [4]"),
        ("signals", "4 of 8 golden samples, all to one scale."),
        ("flat", "log-std exp(log-std) measured on the layer"),
    ],
)
def test_the_words_of_other_kinds(report_of, bundle_of, kind, words):
    assert words in PageReader(report_of(bundle_of(kind)).html).text


def test_what_cannot_be_shown_is_said(report_of, bundle_of):
    report = report_of(bundle_of("neither"))
    text = PageReader(report.html).text
    assert "reconstruction has rows of shape [6, 6, 2], neither a picture (height, width, and 1 or 3" in text
    assert "From sample to sample" not in text


def test_a_picture_shape_that_is_none(dense_bundle):
    with pytest.raises(
        InputError, match=r"^picture shape: got 2,2,2, expected height, width and 1 or 3 chan"
    ):
        make_report(dense_bundle, picture_shape=(2, 2, 2), progress=lambda _: None)


def test_a_shifted_golden_array_is_a_failure(report_of, bundle_copy):
    shift_golden(bundle_copy, "reconstruction", by=0.25)
    report = report_of(bundle_copy)
    assert [failure.split(",")[0] for failure in report.failures] == [
        "decoder.onnx: output 'reconstruction'",
        "encoder.onnx → decoder.onnx: output 'reconstruction'",
        "decoder.tflite: output 'reconstruction'",
        "encoder.tflite → decoder.tflite: output 'reconstruction'",
    ]
    text = PageReader(report.html).text
    assert (
        "✗ This bundle does not match Keras. 4 checks fail: decoder.onnx: output 'reconstruction', golden"
        in text
    )
    assert "10 of 14 comparisons pass" in text
    assert "ONNX Runtime, float32 ✗ FAIL 5 of 7" in text
    assert "Every file matches" not in text
    assert "decoder.onnx: largest 2.5e-01 at line 0, column 3" in report.html


def test_what_is_not_finite_is_a_failure(dense_bundle, monkeypatch):
    real = Vae.run_golden

    def run_golden(vae, golden):
        return [
            (stage, name, output, array * np.float32("nan") if name == "reconstruction" else array)
            for stage, name, output, array in real(vae, golden)
        ]

    monkeypatch.setattr(Vae, "run_golden", run_golden)
    report = make_report(dense_bundle, rounds=2, progress=lambda _: None)
    assert "the artifact gives 6272 of 6272 values that are not finite" in report.failures[0]
    assert "decoder.onnx: 784 of 784 not finite" in report.html
    assert "LiteRT, float32 not finite" in PageReader(report.html).text


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (
            lambda m: m["artifacts"][0]["parity"]["mu"].update(max_absolute_error=0.5, tolerance=0.25),
            "encoder.onnx: output 'mu', at export: largest error 0.5, tolerance 0.25",
        ),
        (
            lambda m: m["artifacts"][0].update(
                fidelity={"kl_mean": 1, "kl_worst": 1, "mu_error_mean": 1, "mu_error_worst": 1},
                budget={"max_kl": 0.1},
            ),
            "encoder.onnx: mean KL from the posterior 1 nats, expected at most 0.1",
        ),
    ],
    ids=["parity", "budget"],
)
def test_what_failed_at_export_is_a_failure(report_of, bundle_copy, change, failure):
    edit_manifest(bundle_copy, change)
    report = report_of(bundle_copy)
    assert any(failure in line for line in report.failures)
    assert "✗ FAIL" in report.html


def test_names_are_text(report_of, bundle_copy):
    script = "<script>alert(1)</script>"

    def change(manifest):
        manifest["name"] = manifest["samples"] = script
        manifest["latents"][0].update(layer=script, layer_class='"><img src=x onerror=alert(1)>')
        manifest["tools"][script] = script
        manifest["artifacts"][0]["operators"].append(script)

    edit_manifest(bundle_copy, change)
    page = PageReader(report_of(bundle_copy).html)
    assert page.of("script") == []
    assert all("onerror" not in attributes for attributes in page.of("img"))
    assert page.text.count(script) >= 6


def test_a_bundle_that_was_altered_has_no_report(bundle_copy):
    (bundle_copy / "decoder.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"decoder\.onnx: altered, got 0 bytes"):
        make_report(bundle_copy, progress=lambda _: None)


@pytest.fixture(scope="module")
def told_bundle(tmp_path_factory):
    """told_bundle(strict=...): a bundle of a pair whose sampling code is not at hand."""
    folder = tmp_path_factory.mktemp("told")
    encoder = encoder_of(lambda mean, log_var: [mean, log_var])

    def told_bundle(name, **told):
        options = {"parametrisation": "log-std", "epsilon_scale": 0.5, "format": "onnx", "samples": X}
        return vae_export.export(
            encoder=encoder, decoder=decoder(), output=folder / name, **options, **told
        ).path

    return told_bundle


def test_assumptions_are_the_verdict(report_of, told_bundle):
    text = PageReader(report_of(told_bundle("assumed")).html).text
    assert (
        "⚠ Every file matches Keras as it was cut, but the cut rests on an assumption: the names 'z_mean' and "
        "'z_log_var' tell mu from v" in text
    )
    assert "✓ Every file matches Keras within its limits." not in text
    assert (
        "mu assumed from names in the model; parametrisation and epsilon's deviation told by whoever exported it"
        in text
    )


def test_what_was_told_is_said(report_of, told_bundle):
    text = PageReader(report_of(told_bundle("told", mu="z_mean", logvar="z_log_var")).html).text
    assert (
        "✓ Every file matches Keras within its limits. The code of the sampling layer was not at hand: mu"
        in text
    )
    assert "mu, parametrisation, epsilon's deviation as told by whoever exported it." in text
    assert "⚠" not in text
