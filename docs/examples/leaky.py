"""A leaky integrator: every unit keeps a fixed, learned share of its state. How far does so simple a memory go?

A worked example of an architecture: a function that builds an uncompiled Keras model, and a constant that declares it.
Keras is imported inside `build`, so that `archbench list` stays fast.
"""

from bench.architecture import Architecture, InputSpec, reads
from bench.setting import Setting


def build(spec: InputSpec, *, units: int):
    """h_t = a h_(t-1) + (1 - a) W x_t with a = sigmoid(alpha), a number a unit."""
    import keras
    from keras import layers, ops

    @keras.saving.register_keras_serializable("example")
    class LeakyCell(layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = self.output_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
            self.alpha = self.add_weight(shape=(self.units,), initializer="ones", name="alpha")

        def call(self, inputs, states, training=False):
            keep = ops.sigmoid(self.alpha)
            state = keep * states[0] + (1 - keep) * ops.matmul(inputs, self.kernel)
            return state, [state]

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    inputs = keras.Input(spec.shape, dtype="float32")
    x = layers.RNN(LeakyCell(units), return_sequences=spec.per_step)(inputs)
    return keras.Model(inputs, layers.Dense(spec.outputs, name="readout")(x))


ARCHITECTURE = Architecture(
    summary="leaky integrator units",
    build=build,
    refuses=reads("sequence"),
    source="this example",
    settings={"units": Setting(32, "units", minimum=1)},
    jit=True,
)
