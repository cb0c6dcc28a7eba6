"""End to end is composition: z by its own tolerance, then the decoder's file on that z."""

import numpy as np
import pytest

from vae_export.core.latent import Latent
from vae_export.verify.end_to_end import EndToEnd
from vae_export.verify.references import compute_reference

LATENT = Latent(
    layer="sampling",
    layer_class="Sampling",
    shape=(3,),
    mu="mu",
    logvar="logvar",
    epsilon="epsilon",
    z="z",
    stream=0,
    parametrisation="log-variance",
    mu_source="probed",
    parametrisation_source="probed",
    epsilon_scale_source="probed",
    assumptions=(),
    epsilon_scale=1.0,
)
X = np.random.default_rng(0).random((12, 3), np.float32)


class Encoder:
    """mu = x, logvar = 2 x, a little off."""

    role = "encoder"

    def __init__(self, off=0.0, moves=0.0):
        self.off, self.moves = off, moves

    def run(self, inputs):
        x = inputs["x"]
        return {"mu": x + np.float32(self.off), "logvar": 2 * x}

    def run_moved(self, inputs, seed):
        return Encoder(self.off + self.moves).run(inputs)


class Decoder:
    """A steep decoder, a little off."""

    role = "decoder"

    def __init__(self, slope=1000.0, off=0.0, moves=0.0):
        self.slope, self.off, self.moves = slope, off, moves

    def run(self, inputs):
        pixels = np.sin(self.slope * inputs["z"].astype(np.float64)) + self.off
        return {"reconstruction": pixels.astype(np.float32)}

    def run_moved(self, inputs, seed):
        return Decoder(self.slope, self.off + self.moves).run(inputs)


def check(encoder, decoder, *, half=None, exact=True, moving=True):
    encoder_half, decoder_half = half or (Encoder(), Decoder())
    reference = compute_reference(encoder_half, decoder_half, (LATENT,), {"x": X}, {}, seed=7)
    whole = EndToEnd(reference, 1e-5, moving=moving)
    rows = whole.check("a → b", encoder, decoder, exact=exact)
    return {row.output: row for row in rows}, reference


def test_equal_files_match():
    rows, _ = check(Encoder(), Decoder())
    assert list(rows) == ["reconstruction", "z"]
    assert all(row.ok and row.max_absolute_error == 0 for row in rows.values())


def test_z_within_its_tolerance_is_no_alarm_before_a_steep_decoder():
    encoder = Encoder(off=1e-5)
    rows, reference = check(encoder, Decoder())
    assert rows["z"].ok
    assert 0 < rows["z"].max_absolute_error <= rows["z"].tolerance
    assert rows["reconstruction"].ok
    assert rows["reconstruction"].max_absolute_error == 0
    # The way as a whole differs by a thousand times the tolerance, which later checks without the halves allow.
    z = reference.z["z"] + np.float32(1e-5)
    whole = np.abs(Decoder().run({"z": z})["reconstruction"] - reference.outputs["reconstruction"]).max()
    assert 1e-3 < whole < rows["reconstruction"].tolerance < 0.5


def test_the_tolerance_of_a_gentle_decoder_stays_small():
    half = (Encoder(), Decoder(slope=0.1))
    rows, _ = check(*half, half=half)
    assert rows["reconstruction"].tolerance < 5e-5


def test_a_fault_in_the_decoder_is_reported_for_the_reconstruction_alone():
    rows, _ = check(Encoder(off=1e-5), Decoder(off=1e-3))
    assert rows["z"].ok
    (failure,) = rows["reconstruction"].failures
    assert failure.startswith("a → b: output 'reconstruction', batch of 12: largest error 0.001, tolerance ")


def test_a_fault_in_the_encoder_is_reported_for_z_alone():
    rows, _ = check(Encoder(off=1e-3), Decoder())
    assert rows["z"].failures[0].startswith("a → b: output 'z', batch of 12: largest error 0.001, tolerance ")
    assert rows["reconstruction"].ok


@pytest.mark.parametrize("moving", [True, False])
def test_rounding_of_both_halves_is_granted_unless_the_user_told_a_tolerance(moving):
    half = (Encoder(moves=5e-4), Decoder(moves=5e-4))
    rows, _ = check(Encoder(off=1e-3), Decoder(off=1e-3), half=half, moving=moving)
    assert [row.ok for row in rows.values()] == [moving, moving]


def test_lower_precisions_are_measured_the_whole_way():
    rows, _ = check(Encoder(off=1e-5), Decoder(), exact=False)
    assert all(row.ok for row in rows.values())
    assert rows["reconstruction"].max_absolute_error > 1e-3


def test_z_of_another_shape():
    broken = Encoder()
    broken.run = lambda inputs: {name: array[:4] for name, array in Encoder().run(inputs).items()}
    rows, _ = check(broken, Decoder())
    assert rows["z"].failures == ("a → b: output 'z', batch of 12: got shape (4, 3), expected (12, 3)",)
    assert not rows["reconstruction"].ok


def test_nan_in_z_is_called_by_its_name():
    rows, _ = check(Encoder(off=np.nan), Decoder())
    assert rows["z"].failures == (
        "a → b: output 'z', batch of 12: the artifact gives 36 of 36 values that are not finite",
    )
    assert not rows["reconstruction"].ok
