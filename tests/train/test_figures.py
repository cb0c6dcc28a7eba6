import re

import numpy as np
import pytest

from vae_export.io.arrays import to_unit
from vae_export.train.architectures import ReferenceVae, build_vae
from vae_export.train.figures import measure
from vae_export.train.loss import kl_per_sample, reconstruction_per_sample


def test_figures_are_those_of_the_loss(root):
    vae = build_vae("dense", (28, 28, 1), 2, seed=1)
    x = to_unit(np.load(root / "models" / "fashion-mnist-dense" / "samples.npz")["x"][:50])
    figures = measure(vae, x, batch_size=20)
    mu, logvar, _ = vae.encoder(x)
    assert figures.kl == pytest.approx(float(np.mean(kl_per_sample(mu, logvar))), rel=1e-5, abs=0)
    # Another draw of z: near, not equal.
    reconstruction = float(np.mean(reconstruction_per_sample(x, vae.vae(x))))
    assert figures.reconstruction == pytest.approx(reconstruction, rel=0.05, abs=0)
    assert figures.elbo == -(figures.reconstruction + figures.kl)
    assert figures.images == 50
    assert measure(vae, x) == measure(vae, x)


@pytest.mark.parametrize("name", ["fashion-mnist-dense", "fashion-mnist-conv"])
def test_the_cards_figures_are_near_those_of_the_samples(root, name, request):
    import keras

    folder = root / "models" / name
    vae = keras.models.load_model(folder / "model.keras")
    encoder = keras.Model(
        vae.inputs[0], [vae.get_layer(part).output for part in ("mu", "logvar", "sampling")]
    )
    x = to_unit(np.load(folder / "samples.npz")["x"])
    figures = measure(ReferenceVae(encoder, vae.get_layer("decoder"), vae), x)
    row = re.search(r"\| (-[\d.]+) \| ([\d.]+) \| ([\d.]+) \| (\d+) of", (folder / "README.md").read_text())
    elbo, reconstruction, kl, active = map(float, row.groups())
    assert elbo == pytest.approx(-(reconstruction + kl), rel=0, abs=0.011)
    # 256 of the 10,000 images: the standard error of their mean is about 6 nats.
    assert figures.elbo == pytest.approx(elbo, rel=0, abs=25)
    assert figures.kl == pytest.approx(kl, rel=0.1, abs=0)
    assert figures.active_latents == active
