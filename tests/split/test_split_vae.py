import keras
import numpy as np
import pytest
from keras import layers

from tests.tiny_models import (
    LATENT,
    X_SHAPE,
    ListSampler,
    TwoArgumentSampler,
    decoder_tensors,
    encoder_tensors,
    randomise,
    samples,
    tiny_vae,
)
from vae_export.errors import ModelError, SamplingSiteError
from vae_export.split.float32 import computing_in_float32
from vae_export.split.sampling_layer import SamplingLayer
from vae_export.split.split_vae import split


def encoder_model(sampler, x=None):
    x = keras.Input(X_SHAPE, name="x") if x is None else x
    mu, logvar = encoder_tensors(x)
    return keras.Model(x, [mu, logvar, sampler([mu, logvar])], name="encoder")


def decoder_model():
    z = keras.Input((LATENT,), name="z")
    return keras.Model(z, decoder_tensors(z), name="decoder")


def both_inline():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    return keras.Model(x, decoder_tensors(ListSampler()([mu, logvar])))


def encoder_inline_decoder_nested():
    return tiny_vae(sampler=ListSampler())


def both_nested():
    x = keras.Input(X_SHAPE)
    return keras.Model(x, decoder_model()(encoder_model(ListSampler())(x)[2]))


def nested_twice():
    x, y = keras.Input(X_SHAPE), keras.Input(X_SHAPE)
    inner = encoder_model(ListSampler())
    outer = keras.Model(y, inner(y), name="outer")
    return keras.Model(x, decoder_model()(outer(x)[2]))


def sequential_decoder():
    x = keras.Input(X_SHAPE)
    decoder = keras.Sequential(
        [keras.Input((LATENT,)), layers.Dense(36, activation="sigmoid"), layers.Reshape(X_SHAPE)]
    )
    return keras.Model(x, decoder(encoder_model(ListSampler())(x)[2]))


def two_arguments():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    return keras.Model(x, decoder_tensors(TwoArgumentSampler()(mu, log_var=logvar)))


def sampler_outside_the_encoder():
    x = keras.Input(X_SHAPE)
    inner = keras.Input(X_SHAPE)
    encoder = keras.Model(inner, list(encoder_tensors(inner)), name="encoder")
    return keras.Model(x, decoder_model()(ListSampler()(encoder(x))))


def latents_among_the_outputs():
    x = keras.Input(X_SHAPE)
    mu, logvar, z = encoder_model(ListSampler())(x)
    return keras.Model(x, [decoder_model()(z), mu, logvar, z])


def dict_input():
    x = keras.Input(X_SHAPE, name="photo")
    inner = keras.Input(X_SHAPE, name="photo")
    mu, logvar = encoder_tensors(inner)
    encoder = keras.Model({"photo": inner}, [mu, logvar, ListSampler()([mu, logvar])], name="encoder")
    return keras.Model({"photo": x}, decoder_model()(encoder({"photo": x})[2]))


def layers_of_one_name():
    x, inner = keras.Input(X_SHAPE, name="x"), keras.Input(X_SHAPE)
    first = keras.Model(inner, layers.Conv2D(2, 3, padding="same", name="fc")(inner), name="first")
    second_input = keras.Input((6, 6, 2))
    second = keras.Model(
        second_input, layers.Conv2D(1, 3, padding="same", name="fc")(second_input), name="second"
    )
    mu, logvar = encoder_tensors(layers.Activation("relu", name="mu_in")(second(first(x))))
    z = ListSampler(name="z")([mu, logvar])
    return keras.Model(x, layers.Reshape(X_SHAPE, name="x_again")(layers.Dense(36, name="reconstruction")(z)))


BUILDERS = [
    layers_of_one_name,
    both_inline,
    encoder_inline_decoder_nested,
    both_nested,
    nested_twice,
    sequential_decoder,
    two_arguments,
    sampler_outside_the_encoder,
    latents_among_the_outputs,
    dict_input,
]


def original_without_noise(model, x):
    """What the original computes where epsilon is zero, through its own layers."""
    normal = keras.random.normal
    keras.random.normal = lambda shape, **_: keras.ops.zeros(shape)
    try:
        output = keras.Model(model.inputs[0], model.outputs[0])(x)
    finally:
        keras.random.normal = normal
    return keras.ops.convert_to_numpy(output)


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_the_halves_compute_what_the_whole_computes(build):
    model = randomise(build(), seed=4)
    halves = split(model, "m")
    x = samples(5)
    posterior = halves.encoder.run({"x": x})
    assert set(posterior) == {"mu", "logvar"}
    assert posterior["mu"].shape == posterior["logvar"].shape == (5, LATENT)
    reconstruction = halves.decoder.run({"z": posterior["mu"]})["reconstruction"]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(reconstruction), original_without_noise(model, x), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_nothing_random_is_left(build):
    halves = split(randomise(build(), seed=4), "m")
    x, z = samples(3), np.float32([[1, -1, 0.5]])
    for half, given in ((halves.encoder, {"x": x}), (halves.decoder, {"z": z})):
        once, again = half.run(given), half.run(given)
        for name in once:
            np.testing.assert_array_equal(once[name], again[name])
        assert not any("seed_generator" in weight.path for weight in half.model.weights)
    assert list(halves.encoder.inputs) == ["x"]
    assert list(halves.decoder.inputs) == ["z"]


def test_mu_and_logvar_are_not_mixed_up():
    model = tiny_vae()
    halves = split(model)
    x = samples(4)
    for name in ("mu", "logvar"):
        direct = keras.Model(model.inputs[0], model.get_layer(name).output)(x)
        np.testing.assert_array_equal(halves.encoder.run({"x": x})[name], direct)


def test_outputs_that_are_left_out_are_told():
    x = keras.Input(X_SHAPE, name="x")
    mu, logvar = encoder_tensors(x)
    z = SamplingLayer(name="draw")([mu, logvar])
    classes = layers.Dense(4, name="classes")(mu)
    halves = split(keras.Model(x, [decoder_tensors(z), classes, mu, z]), "m")
    assert halves.left_out == ("classes",)
    assert halves.describe_cut().endswith("; outputs left out: classes")


def test_what_was_cut_is_told():
    halves = split(both_nested(), "m")
    assert halves.describe_cut().startswith("sampling layer 'encoder/list_sampler")
    assert halves.describe_cut().endswith(" (ListSampler), latent 3, log-variance (measured)")
    assert halves.x_shape == X_SHAPE


def test_float64_inputs_are_float32_in_the_halves():
    x = keras.Input(X_SHAPE, name="photo", dtype="float64")
    halves = split(keras.Model(x, decoder_tensors(SamplingLayer()(list(encoder_tensors(x))))), "m")
    assert halves.encoder.inputs["x"].dtype == "float32"


def test_mixed_precision_gives_float32_halves():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = tiny_vae()
    finally:
        keras.config.set_dtype_policy("float32")
    policies = [layer.dtype_policy.name for layer in model._flatten_layers()]
    assert "mixed_float16" in policies
    with computing_in_float32(model):
        halves = split(model)
        posterior = halves.encoder.run({"x": samples(2)})
        outputs = {**posterior, **halves.decoder.run({"z": posterior["mu"]})}
    assert {array.dtype for array in outputs.values()} == {np.dtype("float32")}
    same = randomise(tiny_vae(), 1)
    exact = split(same).encoder.run({"x": samples(2)})
    # Computed in float32, not only cast to it.
    np.testing.assert_allclose(posterior["mu"], exact["mu"], rtol=0, atol=1e-6)
    assert [layer.dtype_policy.name for layer in model._flatten_layers()] == policies


def encoder_alone():
    return encoder_model(SamplingLayer(name="draw"))


def shortcut():
    x = keras.Input(X_SHAPE, name="photo")
    z = SamplingLayer()(list(encoder_tensors(x)))
    return keras.Model(x, layers.Add(name="skip")([decoder_tensors(z), x]))


def inner_shortcut():
    x, label = keras.Input(X_SHAPE, name="photo"), keras.Input((9,), name="label")
    features = layers.Dense(9, name="features")(layers.Flatten()(x))
    z = SamplingLayer()([layers.Dense(LATENT)(features), layers.Dense(LATENT)(features)])
    skip = layers.Add(name="skip")([layers.Dense(9)(z), features, label])
    return keras.Model([x, label], layers.Reshape(X_SHAPE)(layers.Dense(36)(skip)))


def two_images():
    left, right = keras.Input(X_SHAPE, name="left"), keras.Input(X_SHAPE, name="right")
    both = layers.Flatten()(layers.Concatenate()([left, right]))
    z = SamplingLayer()([layers.Dense(LATENT)(both), layers.Dense(LATENT)(both)])
    return keras.Model([left, right], decoder_tensors(z))


def unknown_size():
    x = keras.Input((None, None, 1), name="photo")
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))
    mu, logvar = layers.Dense(LATENT)(features), layers.Dense(LATENT)(features)
    return keras.Model(x, decoder_tensors(SamplingLayer()([mu, logvar])))


def conditional():
    x, label = keras.Input(X_SHAPE, name="photo"), keras.Input((), name="label", dtype="int32")
    style = keras.Input((2,), name="mu")
    y = layers.Embedding(10, 4, name="embed")(label)
    both = layers.Concatenate()([layers.Flatten()(x), y])
    z = SamplingLayer()([layers.Dense(LATENT)(both), layers.Dense(LATENT)(both)])
    given = layers.Dense(LATENT)(layers.Concatenate()([z, y, style]))
    return keras.Model([label, x, style], [decoder_tensors(given), layers.Dense(2, name="class")(given)])


def test_conditions_go_where_they_are_needed():
    halves = split(randomise(conditional(), 3), "m")
    assert list(halves.encoder.inputs) == ["x", "label"]
    # A name that graphs use for something else is made another.
    assert list(halves.decoder.inputs) == ["z", "label", "mu_input"]
    assert halves.decoder.inputs["label"].dtype == "int32"
    assert set(halves.decoder.outputs) == {"image", "class"}
    z, style = np.ones((2, LATENT), np.float32), np.ones((2, 2), np.float32)
    one, other = (
        halves.decoder.run({"z": z, "label": np.int32([label, label]), "mu_input": style})["class"]
        for label in (1, 2)
    )
    assert not np.allclose(one, other, rtol=0, atol=1e-3)


def test_several_latents_have_names_of_their_own():
    x = keras.Input(X_SHAPE)
    mu, logvar = encoder_tensors(x)
    content, style = (SamplingLayer(name=name)([mu, logvar]) for name in ("content", "style"))
    halves = split(keras.Model(x, decoder_tensors(layers.Concatenate()([content, style]))), "m")
    assert list(halves.encoder.outputs) == ["mu_content", "logvar_content", "mu_style", "logvar_style"]
    assert list(halves.decoder.inputs) == ["z_content", "z_style"]
    assert [latent.stream for latent in halves.latents] == [0, 1]


class Subclassed(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            encoder_alone,
            SamplingSiteError,
            r"^m: nothing is computed from z, this is an encoder alone; export",
        ),
        (
            shortcut,
            ModelError,
            r"^m: layer 'skip' of the decoder also depends on 'photo', which comes from x, expected it to depend",
        ),
        (
            inner_shortcut,
            ModelError,
            r"^m: layer 'skip' of the decoder also depends on 'features', which comes from x, expected it to",
        ),
        (
            two_images,
            ModelError,
            r"^m: got the inputs 'left' \(None, 6, 6, 1\), 'right' \(None, 6, 6, 1\) for the encoder, expect",
        ),
        (
            unknown_size,
            ModelError,
            r"^input 'photo' has shape \(None, None, None, 1\), expected known sizes after the batch; give",
        ),
        (
            lambda: Subclassed(name="s"),
            ModelError,
            r"^m: got a Subclassed without a graph of layers, it was never called; call it once",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", "") if callable(value) else "",
)
def test_what_cannot_be_cut_is_explained(build, error, message):
    with pytest.raises(error, match=message):
        split(build(), "m")
