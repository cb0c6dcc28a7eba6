import pytest

from vae_export.errors import InputError
from vae_export.train.architectures import build_vae


def described(model):
    return [(type(layer).__name__, layer.output.shape) for layer in model.layers]


def test_dense_is_the_architecture_of_the_tutorial():
    vae = build_vae("dense", (28, 28, 1), 2)
    assert [(type(layer).__name__, getattr(layer, "units", None)) for layer in vae.encoder.layers] == [
        ("InputLayer", None),
        ("Flatten", None),
        ("Dense", 128),
        ("Dense", 2),
        ("Dense", 2),
        ("SamplingLayer", None),
    ]
    assert [tensor.shape for tensor in vae.encoder.outputs] == [(None, 2)] * 3
    assert described(vae.decoder) == [
        ("InputLayer", (None, 2)),
        ("Dense", (None, 128)),
        ("Dense", (None, 784)),
        ("Reshape", (None, 28, 28, 1)),
    ]
    assert vae.encoder.get_layer("encoder_hidden").activation.__name__ == "relu"
    assert vae.decoder.get_layer("pixels").activation.__name__ == "sigmoid"
    assert vae.vae.count_params() == 202_516


def test_conv_is_small_and_convolutional():
    vae = build_vae("conv", (28, 28, 1), 16)
    kinds = [type(layer).__name__ for layer in (*vae.encoder.layers, *vae.decoder.layers)]
    assert kinds.count("Conv2D") == 2
    assert kinds.count("Conv2DTranspose") == 3
    assert 200_000 < vae.vae.count_params() < 400_000
    assert vae.vae.output_shape == (None, 28, 28, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deep", (28, 28, 1), 2), r"^architecture: got 'deep', expected one of conv, dense$"),
        (("dense", (28, 28, 1), 0), r"^latent_dim: got 0, expected at least 1$"),
        (
            ("conv", (30, 28, 1), 2),
            r"^architecture 'conv': got images of 30x28, expected height and width divis",
        ),
    ],
)
def test_what_cannot_be_built(arguments, message):
    with pytest.raises(InputError, match=message):
        build_vae(*arguments)
