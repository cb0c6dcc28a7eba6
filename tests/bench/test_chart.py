import numpy as np
import pytest
from PIL import Image

from vae_export.bench.bundle_bench import BenchReport, BenchRow
from vae_export.bench.chart import draw_chart
from vae_export.bench.timing import Timing


def report(decoder_seconds):
    def row(role, name, seconds):
        batches = {size: Timing((size * seconds, size * seconds), 1) for size in (1, 64)}
        return BenchRow(role, name, 1, None, None, batches, {}, None)

    return BenchReport(
        (
            row("encoder", "encoder.onnx", 1e-5),
            row("decoder", "decoder.onnx", decoder_seconds),
            row("decoder", "decoder.tflite", 4e-5),
        ),
        "a machine",
        2,
    )


def blue(path):
    """Pixels of the bars of batch 1, by picture row."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return (np.abs(pixels - (0, 0x72, 0xB2)).sum(axis=2) < 30).sum(axis=1)


def test_bars_are_as_long_as_what_they_show(tmp_path):
    (tmp_path / "a.png").write_bytes(draw_chart(report(1e-5)))
    (tmp_path / "b.png").write_bytes(draw_chart(report(2e-5)))
    one, other = blue(tmp_path / "a.png"), blue(tmp_path / "b.png")
    bars = [lengths[np.flatnonzero(np.diff((lengths > 50).astype(int)) > 0) + 3] for lengths in (one, other)]
    # The encoder's bar, then the decoder's two; what the legend shows is shorter.
    assert [len(lengths) for lengths in bars] == [3, 3]
    assert bars[0][2] / bars[0][1] == pytest.approx(4, rel=0.02, abs=0)
    assert bars[1][2] / bars[1][1] == pytest.approx(2, rel=0.02, abs=0)
