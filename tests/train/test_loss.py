import numpy as np
import pytest

from vae_export.train.loss import kl_per_sample, reconstruction_per_sample, total_loss

X = np.float32([[[1.0], [0.0]], [[0.5], [1.0]]])
P = np.float32([[[0.5], [0.25]], [[0.5], [0.5]]])
# -log 0.5 = 0.693147, -log 0.75 = 0.287682
RECONSTRUCTION = [0.980829, 1.386294]
MU, LOGVAR = np.float32([[1.0, 0.0], [0.0, 0.0]]), np.float32([[0.0, 1.0], [0.0, 0.0]])
# 0.5 * (1 + (e - 2))
KL = [0.859141, 0.0]


def test_reconstruction_is_summed_over_pixels():
    np.testing.assert_allclose(reconstruction_per_sample(X, P), RECONSTRUCTION, rtol=0, atol=1e-5)


def test_kl_is_summed_over_latents():
    np.testing.assert_allclose(kl_per_sample(MU, LOGVAR), KL, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "beta", "loss"),
    [
        ("elbo", 1.0, np.mean(RECONSTRUCTION) + np.mean(KL)),
        ("elbo", 0.5, np.mean(RECONSTRUCTION) + 0.5 * np.mean(KL)),
        ("tutorial", 1.0, np.mean(RECONSTRUCTION) / 2 + np.sum(KL)),
    ],
)
def test_total(kind, beta, loss):
    r, k = np.float32(RECONSTRUCTION), np.float32(KL)
    assert float(total_loss(kind, r, k, pixels=2, beta=beta)) == pytest.approx(loss, rel=1e-6, abs=0)


def test_the_tutorials_loss_is_an_elbo_with_a_large_beta():
    r, k = np.float32(RECONSTRUCTION), np.float32(KL)
    tutorial = float(total_loss("tutorial", r, k, pixels=2, beta=1))
    assert 2 * tutorial == pytest.approx(
        float(total_loss("elbo", r, k, pixels=2, beta=2 * 2)), rel=1e-6, abs=0
    )


def test_unknown_loss():
    with pytest.raises(ValueError, match=r"^loss: got 'l2', expected one of elbo, tutorial$"):
        total_loss("l2", 0.0, 0.0, pixels=1, beta=1)
