"""Keras' guide to subclassing: Encoder and Decoder are layers without a graph, the encoder returns z too."""

import keras
from keras import layers, ops


class Sampling(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class Encoder(layers.Layer):
    def __init__(self):
        super().__init__(name="encoder")
        self.hidden = layers.Dense(16, activation="relu")
        self.mean, self.log_var = layers.Dense(3), layers.Dense(3)
        self.sampling = Sampling()

    def call(self, inputs):
        h = self.hidden(inputs)
        z_mean, z_log_var = self.mean(h), self.log_var(h)
        return z_mean, z_log_var, self.sampling((z_mean, z_log_var))


class Decoder(layers.Layer):
    def __init__(self):
        super().__init__(name="decoder")
        self.hidden, self.output_layer = layers.Dense(16, activation="relu"), layers.Dense(12)

    def call(self, inputs):
        return self.output_layer(self.hidden(inputs))


class VariationalAutoEncoder(keras.Model):
    def __init__(self):
        super().__init__(name="autoencoder")
        self.encoder, self.decoder = Encoder(), Decoder()

    def call(self, inputs):
        z_mean, z_log_var, z = self.encoder(inputs)
        self.add_loss(-0.5 * ops.mean(z_log_var - ops.square(z_mean) - ops.exp(z_log_var) + 1))
        return self.decoder(z)


def build():
    model = VariationalAutoEncoder()
    model(ops.zeros((1, 12)))
    return model
