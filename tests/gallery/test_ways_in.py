"""Every way in which a VAE may come: files whose code is missing, pairs of files, attributes of modules."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.src.utils import python_utils

import vae_export
from tests.gallery.parts import sampling
from tests.gallery.parts.styles import peak
from vae_export.cli.main import main
from vae_export.errors import InputError, ModelError, SamplingSiteError

X_SHAPE, LATENT = (6, 6, 1), 3
X = np.random.default_rng(0).random((8, *X_SHAPE), np.float32)

# As its own module has it; there is no registration, as in most people's code.
MODULE = """
import keras
from keras import layers, ops

class Doubling(layers.Layer):
    def call(self, x):
        return 2 * x

class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)

def build():
    x = keras.Input((6, 6, 1))
    h = Doubling(name="twice")(layers.Dense(16, activation="relu")(layers.Flatten()(x)))
    z = Sampling(name="draw")([layers.Dense(3, name="mean")(h), layers.Dense(3, name="log_var")(h)])
    return keras.Model(x, layers.Reshape((6, 6, 1))(layers.Dense(36, activation="sigmoid")(z)))

model = build()
number = 7

def broken():
    raise RuntimeError("no model today")
"""


class Sampling(sampling.Sampling):
    """Of a script of its own."""


class SplittingSampling(Sampling):
    def call(self, moments):
        return super().call(ops.split(moments, 2, axis=-1))


# Some versions of Keras would find them here.
Sampling.__module__ = SplittingSampling.__module__ = "a_script_that_is_gone"


def encoder_tensors(x):
    h = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    return layers.Dense(LATENT, name="z_mean")(h), layers.Dense(LATENT, name="z_log_var")(h)


def encoder_of(outputs):
    x = keras.Input(X_SHAPE)
    model = keras.Model(x, outputs(*encoder_tensors(x)), name="encoder")
    peak(model)
    return model


def decoder():
    z = keras.Input((LATENT,))
    image = layers.Reshape(X_SHAPE)(
        layers.Dense(36, activation="sigmoid")(layers.Dense(16, activation="relu")(z))
    )
    model = keras.Model(z, image, name="decoder")
    peak(model)
    return model


def drawn_by(layer):
    """A VAE whose z comes from a layer of (mean, log_var), both named."""
    x = keras.Input(X_SHAPE)
    model = keras.Model(x, decoder()(layer(list(encoder_tensors(x)))))
    peak(model)
    return model


def drawn_from_one_tensor():
    x = keras.Input(X_SHAPE)
    moments = layers.Dense(2 * LATENT, name="moments")(layers.Flatten()(x))
    model = keras.Model(x, decoder()(SplittingSampling(name="draw")(moments)))
    peak(model)
    return model


def without_noise(path):
    """What an export computes of X with z = mu."""
    vae = vae_export.load(path)
    return vae.decode(vae.encode(X)[0])


CASES = {
    "missing class": lambda: drawn_by(Sampling(name="draw")),
    "missing class of one tensor": drawn_from_one_tensor,
    "Lambda": lambda: drawn_by(layers.Lambda(lambda t: t[0] + ops.exp(t[1] / 2), name="draw")),
    "Lambda with a shape": lambda: drawn_by(
        layers.Lambda(lambda t: t[0], output_shape=(LATENT,), name="draw")
    ),
}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_sampling_layer_without_code_is_no_obstacle(case, suffix, tmp_path, monkeypatch):
    model = CASES[case]()
    model.save(tmp_path / f"m{suffix}")

    def loads(*_):
        raise AssertionError("code of the file was unmarshalled")

    monkeypatch.setattr(python_utils, "func_load", loads)
    result = vae_export.export(tmp_path / f"m{suffix}", tmp_path / "bundle", format="onnx", samples=X)
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == ("log-variance", "assumed")
    assert "the layer's code is not at hand; --parametrisation decides" in result.cut
    mu = vae_export.load(result.path).encode(X)[0]
    h = next(layer for layer in model.layers if layer.name in ("z_mean", "moments"))
    expected = keras.Model(model.inputs[0], h.output)(X)[:, :LATENT]
    np.testing.assert_allclose(mu, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "kind", "source"),
    [
        ("z_log_sigma", "log-std", "names"),
        ("sigma", "std", "names"),
        ("z_log_var", "log-variance", "assumed"),
    ],
)
def test_names_say_otherwise(name, kind, source, tmp_path):
    x = keras.Input(X_SHAPE)
    h = layers.Flatten()(x)
    z = Sampling()(
        [layers.Dense(LATENT, name="mu")(h), layers.Dense(LATENT, name=name, activation="softplus")(h)]
    )
    keras.Model(x, decoder()(z)).save(tmp_path / "m.keras")
    (latent,) = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx").manifest.to_dict()[
        "latents"
    ]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == (kind, source)
    told = vae_export.export(tmp_path / "m.keras", tmp_path / "c", format="onnx", parametrisation="variance")
    (latent,) = told.manifest.to_dict()["latents"]
    assert (latent["parametrisation"], latent["parametrisation_source"]) == ("variance", "given")


class ScaledSampling(Sampling):
    def __init__(self, epsilon_std=1.0, temperature=1.0, kl_weight=1.0, **options):
        super().__init__(**options)
        self.settings = {"epsilon_std": epsilon_std, "temperature": temperature, "kl_weight": kl_weight}

    def call(self, inputs):
        mean, log_var = inputs
        epsilon = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        scale = self.settings["epsilon_std"] * self.settings["temperature"]
        return mean + scale * ops.exp(0.5 * log_var) * epsilon

    def get_config(self):
        return {**super().get_config(), **self.settings}


ScaledSampling.__module__ = "a_script_that_is_gone"


def test_the_scale_of_epsilon_is_read_from_the_file(tmp_path):
    drawn_by(ScaledSampling(epsilon_std=0.1, kl_weight=4.0, name="draw")).save(tmp_path / "m.keras")
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["epsilon_scale"], latent["parametrisation_source"]) == (0.1, "assumed")
    assert result.cut.endswith("; epsilon_std=0.1 of the layer is the scale of epsilon")


def test_a_setting_that_may_scale_the_noise_is_not_passed_by(tmp_path):
    drawn_by(ScaledSampling(temperature=0.5, name="draw")).save(tmp_path / "m.keras")
    with pytest.raises(
        SamplingSiteError,
        match=r"^m: layer 'draw' has class 'ScaledSampling', which is not known here, and was made with "
        r"temperature=0\.5, which may scale its noise; give --custom-objects the file or module that defines it$",
    ):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    result = vae_export.export(
        tmp_path / "m.keras",
        tmp_path / "b",
        format="onnx",
        custom_objects={"ScaledSampling": ScaledSampling},
    )
    (latent,) = result.manifest.to_dict()["latents"]
    assert (latent["epsilon_scale"], latent["parametrisation_source"]) == (0.5, "probed")


def head(name, activation=None):
    return lambda h: layers.Dense(LATENT, name=name, activation=activation)(h)


def of_heads(layer, *heads):
    x = keras.Input(X_SHAPE)
    h = layers.Flatten()(x)
    return keras.Model(x, decoder()(layer([head(h) for head in heads])))


class Gate(layers.Layer):
    def call(self, inputs):
        return inputs[0] * ops.sigmoid(inputs[1])


class OtherSampling(Sampling):
    """Made with settings of which nobody knows what they do."""

    def __init__(self, settings, **options):
        super().__init__(**options)
        self.settings = settings

    def call(self, inputs):
        return super().call(inputs[:2])

    def get_config(self):
        return {**super().get_config(), **self.settings}


Gate.__module__ = OtherSampling.__module__ = "a_script_that_is_gone"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: of_heads(Gate(name="g"), head("one"), head("two")),
            r"^m: layer 'g' has class 'Gate', which is not known here, and no name says that it draws z from 'one' "
            r"and 'two'; give --custom-objects the file or module that defines it, or --parametrisation if it draws",
        ),
        (
            lambda: of_heads(Sampling(name="s"), head("one"), head("two", "softplus")),
            r"^m: layer 's': 'two' is never negative, so it is no logarithm, and its name does not tell what it is; "
            r"give --parametrisation std or variance$",
        ),
        (
            lambda: of_heads(Sampling(name="s"), head("mean"), head("z_var")),
            r"^m: layer 's': 'z_var' is named like a variance, but may be negative; give --parametrisation "
            r"log-variance, log-std or variance$",
        ),
        (
            lambda: of_heads(OtherSampling({"tau": 0.3}, name="s"), head("mean"), head("log_var")),
            r"^m: layer 's' has class 'OtherSampling', which is not known here, and was made with tau=0\.3, which",
        ),
        (
            lambda: of_heads(OtherSampling({}, name="s"), head("mean"), head("log_var"), head("t")),
            r"^m: layer 's' has class 'OtherSampling', which is not known here, and is not where z is drawn; give",
        ),
    ],
)
def test_what_names_do_not_tell_is_asked_for(build, message, tmp_path):
    build().save(tmp_path / "m.keras")
    with pytest.raises(SamplingSiteError, match=message):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")


def test_what_is_told_needs_no_names(tmp_path):
    of_heads(Gate(name="g"), head("one"), head("two")).save(tmp_path / "m.keras")
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx", parametrisation="log-std")
    assert result.cut.endswith(
        "log-std (given): told by the user; mu first, as most models have it; epsilon of scale 1"
    )


def test_settings_that_are_not_read_are_told(tmp_path):
    model = of_heads(
        OtherSampling({"mode": "softplus", "latent_dim": 3}, name="s"), head("mean"), head("log_var")
    )
    model.save(tmp_path / "m.keras")
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    assert result.cut.endswith("; mode='softplus' of the layer is not read")


@pytest.mark.parametrize(("names", "mean"), [(("lv", "mu"), "mu"), (("log_sigma2", "loc"), "loc")])
def test_a_name_of_the_mean_settles_the_order(names, mean, tmp_path):
    of_heads(Sampling(name="s"), *map(head, names)).save(tmp_path / "m.keras")
    (site,) = vae_export.pipeline.inspect(tmp_path / "m.keras").sites
    assert (site.mu, site.parametrisation) == (repr(mean), "log-variance")


def test_swapped_names_are_swapped_back(tmp_path):
    x = keras.Input(X_SHAPE)
    h = layers.Flatten()(x)
    z = Sampling()([layers.Dense(LATENT, name="log_var")(h), layers.Dense(LATENT, name="mean")(h)])
    keras.Model(x, decoder()(z)).save(tmp_path / "m.keras")
    found = vae_export.pipeline.inspect(tmp_path / "m.keras").sites[0]
    assert (found.mu, found.spread) == ("'mean'", "'log_var'")


def test_what_was_measured_cannot_be_told_otherwise(tmp_path):
    model = drawn_by(Sampling(name="draw"))
    with pytest.raises(
        InputError, match=r"layer 'draw' was measured to take a log-variance, --parametrisation says"
    ):
        vae_export.export(model, tmp_path / "b", parametrisation="std")
    assert vae_export.export(model, tmp_path / "b", format="onnx", parametrisation="log-variance").report.ok


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's module in the current directory, saved weights and model."""
    monkeypatch.chdir(tmp_path)
    name = f"user_code_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    space = {"__name__": name}
    exec(compile(MODULE, name, "exec"), space)
    model = space["model"]
    peak(model)
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "w.weights.h5")
    return name


def test_attributes_of_modules_with_weights(module, capsys):
    for attribute in ("model", "build"):
        command = [
            f"{module}:{attribute}",
            "--weights",
            "w.weights.h5",
            "--format",
            "onnx",
            "-o",
            attribute,
            "--json",
        ]
        assert main(command) == 0
        manifest = json.loads(capsys.readouterr().out)["manifest"]
        assert (manifest["name"], manifest["latents"][0]["parametrisation_source"]) == (attribute, "probed")
    one, other = (without_noise(attribute) for attribute in ("model", "build"))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert one.std() > 0.05


def test_custom_objects_of_a_file_or_module(module):
    with pytest.raises(
        SamplingSiteError,
        match=r"^m: layer 'twice' has class 'Doubling', which is not known here, and is not where z is drawn; give --c",
    ):
        vae_export.export("m.keras", "b")
    for number, source in enumerate((f"{module}.py", module)):
        result = vae_export.export("m.keras", f"b{number}", format="onnx", custom_objects=source)
        assert result.manifest.to_dict()["latents"][0]["parametrisation_source"] == "probed"
    assert main(["m.keras", "--custom-objects", f"{module}.py", "--format", "onnx", "-o", "c"]) == 0
    np.testing.assert_allclose(without_noise("b0"), without_noise("c"), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MODULE:nothing"], "MODULE:nothing: module MODULE has no attribute 'nothing'"),
        (
            ["MODULE:number"],
            "MODULE:number: got a int, expected a Keras model or a function that returns one",
        ),
        (["MODULE:broken"], "MODULE:broken: broken() raised no model today"),
        (["MODULE:len"], "MODULE:len: module MODULE has no attribute 'len'"),
        (
            ["no_such_module:model"],
            "no_such_module:model: module no_such_module cannot be imported (No module",
        ),
        (
            ["m.keras", "--weights", "w.weights.h5"],
            "--weights: got w.weights.h5, expected it with MODEL as package.",
        ),
        (["MODULE:model", "--weights", "no.h5"], "no.h5: no such file; expected weights of the model"),
        (["MODULE:model", "--weights", "bad.weights.h5"], "bad.weights.h5: do not fit the model ("),
        (
            ["m.keras", "--custom-objects", "no.py"],
            "no.py: no such file; expected FILE.py or the name of a module",
        ),
        (
            ["m.keras", "--custom-objects", "empty.py"],
            "empty.py: defines no Keras layer or model, expected the",
        ),
        (["m.keras", "--custom-objects", "wrong.py"], "wrong.py: cannot be imported (division by zero)"),
        (
            ["--encoder", "m.keras"],
            "--encoder, --decoder: got one, or a MODEL as well, expected both and no MODEL",
        ),
        (["m.keras", "--parametrisation", "odd"], "argument --parametrisation: invalid choice: 'odd'"),
        (
            ["m.keras", "--input-shape", "a,b"],
            "argument --input-shape: got 'a,b', expected numbers such as 28,28,1",
        ),
        (["m.keras", "--input-shape", "0,1"], "input shape: got [0, 1], expected sizes of at least 1"),
    ],
)
def test_wrong_arguments_are_one_line(module, capsys, arguments, message):
    from pathlib import Path

    Path("empty.py").write_text("import keras\n")
    Path("wrong.py").write_text("1 / 0\n")
    Path("bad.weights.h5").write_bytes(b"no weights")
    assert main([argument.replace("MODULE", module) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"vae-export: {message.replace('MODULE', module)}"), error
    assert error.count("\n") == 1


PAIRS = {
    "mu, logvar and z": (
        lambda mean, log_var: [mean, log_var, Sampling(name="draw")([mean, log_var])],
        "probed",
    ),
    "z alone": (lambda mean, log_var: Sampling(name="draw")([mean, log_var]), "probed"),
    "mu and logvar": (lambda mean, log_var: [mean, log_var], "assumed"),
    "one tensor": (lambda mean, log_var: layers.Concatenate()([mean, log_var]), "assumed"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_encoder_and_decoder_in_two_files(case, tmp_path, monkeypatch):
    outputs, source = PAIRS[case]
    encoder, image = encoder_of(outputs), decoder()
    monkeypatch.chdir(tmp_path)
    encoder.save("my_encoder.keras")
    image.save("my_decoder.keras")
    in_memory = vae_export.export(encoder=encoder, decoder=image, output="memory", format="onnx")
    assert in_memory.manifest.to_dict()["latents"][0]["parametrisation_source"] == source
    # In the file the sampling layer's class is missing, and not missed.
    assert main(["--encoder", "my_encoder.keras", "--decoder", "my_decoder.keras", "--format", "onnx"]) == 0
    manifest = json.loads((tmp_path / "my-bundle" / "manifest.json").read_text())
    assert manifest["latents"][0]["parametrisation_source"] == "assumed"
    mean = keras.Model(encoder.inputs[0], encoder.get_layer("z_mean").output)(X)
    for path in ("memory", "my-bundle"):
        np.testing.assert_allclose(without_noise(path), image(mean), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (
            lambda: encoder_of(lambda mean, log_var: layers.Dense(5)(mean)),
            r"^encoder: the encoder returns \(None, 5\) and the decoder takes \(None, 3\); expected mu and a log-vari",
        ),
        (
            lambda: encoder_of(lambda mean, log_var: Sampling()([mean[:, :2], log_var[:, :2]])),
            r"^encoder: the decoder has the inputs .* \(None, 3\), expected one of the shape of z, \('n', 2\)$",
        ),
    ],
    ids=["another size", "a smaller z"],
)
def test_halves_that_do_not_fit(encoder, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        vae_export.export(encoder=encoder(), decoder=decoder(), output=tmp_path / "b")


def test_a_layer_that_was_never_called(tmp_path):
    class Encoder(layers.Layer):
        pass

    class Whole(keras.Model):
        def __init__(self):
            super().__init__(name="whole")
            self.encoder, self.decoder = Encoder(), decoder()

    with pytest.raises(
        ModelError, match=r"^whole: encoder: got a Encoder that was never called, expected one with"
    ):
        vae_export.export(Whole(), tmp_path / "b")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (8, 8),
            r"^input shape: got 8, 8, expected one that fits one of the inputs: .*\(None, None, None, 1\)$",
        ),
        ((8, 8, 3), r"^input shape: got 8, 8, 3, expected one that fits"),
        ((9, 9, 1), r"^m: layer 'flat' does not take the input shape 9, 9, 1 \(.*\)$"),
    ],
)
def test_input_shapes_that_do_not_fit(shape, message, tmp_path):
    x = keras.Input((None, None, 1))
    h = layers.Reshape((64,), name="flat")(x)
    z = Sampling()([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
    model = keras.Model(x, decoder()(z))
    with pytest.raises(InputError, match=message):
        vae_export.export(model, tmp_path / "b", name="m", input_shape=shape)


class SavedVae(keras.Model):
    """keras.io's class, saved with a get_config of its own."""

    def __init__(self, encoder, decoder, beta=1.0, **options):
        super().__init__(**options)
        self.encoder, self.decoder, self.beta = encoder, decoder, beta

    def call(self, x):
        return self.decoder(self.encoder(x)[2])

    def get_config(self):
        return {**super().get_config(), "encoder": self.encoder, "decoder": self.decoder, "beta": self.beta}


SavedVae.__module__ = "a_script_that_is_gone"


def test_a_file_of_a_subclassed_model_whose_class_is_missing(tmp_path):
    encoder = encoder_of(lambda mean, log_var: [mean, log_var, Sampling(name="draw")([mean, log_var])])
    model = SavedVae(encoder, decoder(), beta=4.0)
    model(X)
    model.save(tmp_path / "m.keras")
    result = vae_export.export(tmp_path / "m.keras", tmp_path / "b", format="onnx")
    assert result.manifest.to_dict()["latents"][0]["parametrisation_source"] == "assumed"
    assert result.cut.endswith(
        "; class 'SavedVae' is not known here: what its call() does before, between and after encoder and "
        "decoder is not seen; --custom-objects tells"
    )
    mean = keras.Model(encoder.inputs[0], encoder.get_layer("z_mean").output)(X)
    np.testing.assert_allclose(without_noise(tmp_path / "b"), model.decoder(mean), rtol=0, atol=1e-5)


def test_one_sampling_layer_called_twice(tmp_path):
    x = keras.Input(X_SHAPE)
    h, draw = layers.Flatten()(x), Sampling(name="s")
    one, other = (draw([layers.Dense(size)(h), layers.Dense(size)(h)]) for size in (4, 3))
    model = keras.Model(x, layers.Dense(5)(layers.Concatenate()([one, other])))
    result = vae_export.export(model, tmp_path / "b", format="onnx")
    assert [latent["z"] for latent in result.manifest.to_dict()["latents"]] == ["z_s_1", "z_s_2"]


class SavedFunctional(keras.Model):
    """A functional model by its configuration, with a train_step of its own."""


SavedFunctional.__module__ = "a_script_that_is_gone"


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_file_of_a_functional_model_whose_class_is_missing(suffix, tmp_path):
    x = keras.Input(X_SHAPE)
    model = SavedFunctional(x, decoder()(Sampling(name="draw")(list(encoder_tensors(x)))))
    model.save(tmp_path / f"m{suffix}")
    result = vae_export.export(tmp_path / f"m{suffix}", tmp_path / "b", format="onnx")
    assert result.manifest.to_dict()["latents"][0]["layer"] == "draw"


class BuildsItself(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(4)

    def call(self, x):
        return self.hidden(x)


BuildsItself.__module__ = "a_script_that_is_gone"


def test_a_file_that_does_not_say_how_its_class_is_built(tmp_path):
    model = BuildsItself()
    model(X)
    model.save(tmp_path / "m.keras")
    with pytest.raises(
        ModelError,
        match=r"m\.keras: the model's class 'BuildsItself' is not known here, and the file does not say how it "
        "is built; give --custom-objects the file or module that defines it$",
    ):
        vae_export.export(tmp_path / "m.keras", tmp_path / "b")


def test_inputs_that_nobody_named_are_numbered_in_the_model(tmp_path):
    def build():
        x, label = keras.Input(X_SHAPE), keras.Input((4,))
        h = layers.Concatenate()([layers.Flatten()(x), label])
        z = Sampling(name="draw")([layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
        h = layers.Dense(36)(layers.Concatenate()([z, label]))
        return keras.Model([x, label], layers.Reshape(X_SHAPE)(h))

    for model in (build(), build()):
        assert set(vae_export.pipeline.inspect(model).encoder[0]) == {"x", "input_2"}


def test_noise_for_a_fixed_batch(tmp_path):
    class ForHundred(Sampling):
        def call(self, inputs):
            return inputs[0] + ops.exp(0.5 * inputs[1]) * keras.random.normal((100, LATENT))

    with pytest.raises(
        ModelError,
        match=r"^layer 'draw' \(ForHundred\) cannot be called: Incompatible shapes: \[8,3\] vs\. \[100,3\] "
        r"\(on a batch of 8\); noise for a fixed batch has to follow keras\.ops\.shape\(mu\)$",
    ):
        vae_export.export(drawn_by(ForHundred(name="draw")), tmp_path / "b")
