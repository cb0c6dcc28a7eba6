import numpy as np
import pytest

from vae_export.bench.bundle_bench import BenchReport, BenchRow
from vae_export.bench.timing import Timing
from vae_export.pages.report.charts import draw_histograms, draw_plane, draw_sizes, draw_times
from vae_export.pages.report.manifold import grid_of
from vae_export.pages.report.posterior import AggregatePosterior


def posterior(mu):
    mu = np.array(mu, np.float64)
    size = mu.shape[1]
    drawn = np.tile(np.float32([-1.0, 1.0]).reshape(2, 1), (1, size))
    names = tuple(f"z[{number}]" for number in range(size))
    active = np.arange(size) % 2 == 0
    return AggregatePosterior(names, mu, np.full(size, 0.05), mu.var(axis=0), active, drawn, 3)


def test_histograms_in_words():
    drawing = draw_histograms(posterior([[0, 0, 0]] * 2), [2, 1])
    assert drawing.alt == (
        "Histograms of draws from the aggregate posterior beside the prior. z[2] active, KL 0.05 nats, mean 0, "
        "deviation 1; z[1] collapsed, KL 0.05 nats, mean 0, deviation 1."
    )


def test_a_plane_in_words():
    # Quantiles of 3 steps reach to 0.97: the first sample is outside.
    found = posterior([[1, 0], [0.5, -0.5], [0, 0.25]])
    assert draw_plane(found, grid_of(found.mu, 3), 10).alt == (
        "Scatter plot of mu of 3 samples: 2 lie within the grid, which is the dashed frame; z[0] from 0 to 1, z[1] "
        "from -0.5 to 0.25."
    )
    assert "mu of 2 samples" in draw_plane(found, grid_of(found.mu, 3), 2).alt


def test_axes_of_a_plane():
    found = posterior([[1, 4, 0], [1, -4, 0], [1, 0, 2], [1, 0, -2]])
    assert (
        "4 lie within the grid, which is the dashed frame; first axis from -4 to 4, second axis from -2 to 2"
        in (draw_plane(found, grid_of(found.mu, 3), 10).alt)
    )


@pytest.mark.parametrize("mu", [[[1], [2]], [[1, 1, 1], [2, 2, 2]]], ids=["one latent", "one axis"])
def test_no_plane_on_a_line(mu):
    found = posterior(mu)
    assert draw_plane(found, grid_of(found.mu, 3), 10) is None


def test_bars_in_words():
    assert draw_sizes({"encoder.onnx": 12_345, "decoder.onnx": 678}).alt == (
        "Bar chart of sizes in bytes: encoder.onnx 12,345, decoder.onnx 678."
    )
    timings = {1: Timing((2e-5, 2e-5), 1), 64: Timing((64e-5, 64e-5), 1)}
    rows = tuple(
        BenchRow(role, f"{role}.onnx", 1, None, None, timings, {}, None) for role in ("encoder", "decoder")
    )
    assert draw_times(BenchReport(rows, "a machine", 2), "decoder").alt == (
        "Bar chart of decoders, microseconds a row: decoder.onnx 20 at batch 1, 10 at batch 64."
    )
