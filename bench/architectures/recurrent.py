"""Recurrent arms: a cell and its initialisation, since the initialisation decides how gradients flow before training.

Sources are given with each arm. The layers are Keras's own wherever Keras has them.
"""

from typing import TYPE_CHECKING, Any

from bench.architecture import Architecture, InputSpec, reads
from bench.architectures import _settings

if TYPE_CHECKING:
    import keras


def build(
    spec: InputSpec, *, cell: str, start: str, units: int, layers: int, dropout: float, embedding: int
) -> "keras.Model":
    """`layers` recurrent layers, then a linear readout of the last step, or of every step.

    `cell`: rnn, irnn, gru, lstm, lstm-1997 or bilstm. `start`: the initialisation, see `_start`.
    """
    import keras

    from bench.architectures import _inputs

    inputs, x = _inputs.read(spec, embedding=embedding)
    for depth in range(layers):
        sequences = spec.per_step or depth < layers - 1
        x = _layer(cell, units, sequences=sequences, **_start(start, units, spec.shape[0]))(x)
        if dropout:
            x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(spec.outputs, name="readout")(x))


def _layer(cell: str, units: int, *, sequences: bool, **start: Any) -> Any:
    import keras

    from bench.architectures import _cells

    if cell == "lstm-1997":
        return keras.layers.RNN(_cells.LSTM1997Cell(units), return_sequences=sequences)
    if cell == "irnn":
        return keras.layers.SimpleRNN(units, activation="relu", return_sequences=sequences, **start)
    kinds = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU}
    layer = kinds.get(cell, keras.layers.LSTM)(units, return_sequences=sequences, **start)
    return keras.layers.Bidirectional(layer) if cell == "bilstm" else layer


def _start(start: str, units: int, steps: int) -> dict[str, Any]:
    """Arguments of the Keras layer that make up an initialisation."""
    from keras import initializers

    from bench.architectures import _initializers

    if start == "uniform":
        bound = units**-0.5
        # An instance each: Keras initialisers are stateless, a shared one would draw correlated values.
        return {
            f"{part}_initializer": initializers.RandomUniform(-bound, bound) for part in ("kernel", "recurrent", "bias")
        }
    if start == "identity":
        return {
            "kernel_initializer": initializers.RandomNormal(stddev=0.001),
            "recurrent_initializer": initializers.Identity(),
        }
    if start == "forget-bias-0":
        return {"unit_forget_bias": False}
    if start == "chrono-lstm":
        return {"unit_forget_bias": False, "bias_initializer": _initializers.ChronoLSTM(steps)}
    if start == "chrono-gru":
        return {"bias_initializer": _initializers.ChronoGRU(steps)}
    return {}


def _arm(summary: str, source: str, cell: str, *, start: str = "keras", causal: bool = True) -> Architecture:
    return Architecture(
        summary=summary,
        build=build,
        refuses=reads("sequence", "tokens", causal=causal),
        source=source,
        settings={
            "units": _settings.units(64, "hidden units a direction" if cell == "bilstm" else "hidden units"),
            "layers": _settings.layers(1, "recurrent layers, one on the other"),
            "dropout": _settings.dropout(0.0),
            "embedding": _settings.EMBEDDING,
        },
        jit=True,
        fixed={"cell": cell, "start": start},
        initial=frozenset({"start"}),
    )


_CHRONO = "Tallec & Ollivier 2018"
ARCHITECTURES = {
    "rnn": _arm("tanh RNN, orthogonal recurrent kernel as Keras starts it", "Elman 1990", "rnn"),
    "rnn-uniform": _arm(
        "tanh RNN, weights and biases U(-1/sqrt(units), 1/sqrt(units))",
        "Elman 1990; initialisation as PyTorch's nn.RNN",
        "rnn",
        start="uniform",
    ),
    "irnn": _arm("ReLU RNN that starts by keeping its state", "Le, Jaitly & Hinton 2015", "irnn", start="identity"),
    "gru": _arm("gated recurrent unit", "Cho et al. 2014", "gru"),
    "gru-chrono": _arm("GRU whose keep gate starts spread over time scales", _CHRONO, "gru", start="chrono-gru"),
    "lstm": _arm(
        "LSTM, forget bias 1", "Hochreiter & Schmidhuber 1997; Gers et al. 2000; Jozefowicz et al. 2015", "lstm"
    ),
    "lstm-b0": _arm("LSTM, forget bias 0", "Gers et al. 2000", "lstm", start="forget-bias-0"),
    "lstm-chrono": _arm("LSTM whose gates start spread over time scales", _CHRONO, "lstm", start="chrono-lstm"),
    "lstm-1997": _arm("LSTM without a forget gate", "Hochreiter & Schmidhuber 1997", "lstm-1997"),
    "bilstm": _arm("LSTM read in both directions", "Graves & Schmidhuber 2005", "bilstm", causal=False),
}
