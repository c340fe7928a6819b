"""Counting operations, against the graphs that TensorFlow makes of models whose loops are unrolled."""

import math

import keras
import pytest
import tensorflow as tf
from cells import EXAMPLES
from keras import layers

from bench.architecture import InputSpec
from bench.catalogue import discover
from bench.flops import Count, count_flops

SEQUENCE = InputSpec("sequence", (5, 3), outputs=2)
TOKENS = InputSpec("tokens", (6,), outputs=2, vocabulary=11)
IMAGE = InputSpec("image", (9, 8, 3), outputs=4)

ONE_AN_ELEMENT = {
    "AddV2",
    "Add",
    "Sub",
    "Mul",
    "Maximum",
    "RealDiv",
    "BiasAdd",
    "Neg",
    "Rsqrt",
    "Sigmoid",
    "Tanh",
    "Relu",
}
NOTHING = """Cast Const ConcatV2 ExpandDims GatherV2 Identity Less LogicalAnd LogicalNot LogicalOr NoOp NotEqual Pack
    Pad Placeholder Range ReadVariableOp Reshape ReverseV2 SelectV2 Shape Sin Split Squeeze StopGradient StridedSlice
    Tile Transpose Unpack"""


def _build(name: str, spec: InputSpec, **given: object) -> keras.Model:
    architecture = discover().architecture(name).value
    settings = {key: setting.default for key, setting in architecture.settings.items()}
    return architecture.build(spec, **{**settings, **given, **architecture.fixed})


def _unrolled(model: keras.Model) -> keras.Model:
    def unroll(layer):
        config = layer.get_config()
        if isinstance(layer, layers.RNN):
            config["unroll"] = True
        if isinstance(layer, layers.Bidirectional):
            config["layer"]["config"]["unroll"] = config["backward_layer"]["config"]["unroll"] = True
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=unroll)


def _graph(model: keras.Model, batch: int) -> tf.Graph:
    forward = tf.function(lambda x: model(x, training=False), autograph=False)
    given = tf.TensorSpec((batch, *model.inputs[0].shape[1:]), model.inputs[0].dtype)
    return forward.get_concrete_function(given).graph


def _operations(op: tf.Operation) -> int:
    """Of one node of a graph, by what TensorFlow says of its shapes; an unknown kind of node fails."""
    sizes = [math.prod(tensor.shape) for tensor in op.inputs if tensor.shape.rank is not None]
    out = math.prod(op.outputs[0].shape) if op.outputs and op.outputs[0].shape.rank is not None else 0
    if op.type in ("MatMul", "BatchMatMulV2"):
        transposed = op.get_attr("transpose_a") if op.type == "MatMul" else op.get_attr("adj_x")
        return 2 * out * op.inputs[0].shape[-2 if transposed else -1]
    if op.type == "Einsum":
        given, result = op.get_attr("equation").decode().split("->")
        dims: dict[str, int] = {}
        for letters, tensor in zip(given.split(","), op.inputs, strict=True):
            dims |= dict(zip(letters, tensor.shape, strict=True))
        assert result
        return 2 * math.prod(dims.values())
    if op.type == "Conv2D":
        return 2 * out * math.prod(op.inputs[1].shape[:-1])
    if op.type in ("MaxPool", "AvgPool"):
        return out * math.prod(op.get_attr("ksize"))
    if op.type in ("Mean", "Sum", "Max"):
        return sizes[0]
    if op.outputs and not op.outputs[0].dtype.is_floating:
        return 0
    times = {
        "Softmax": 5,
        "SquaredDifference": 2,
        **dict.fromkeys(ONE_AN_ELEMENT, 1),
        **dict.fromkeys(NOTHING.split(), 0),
    }
    return times[op.type] * out


def _needed(graph: tf.Graph) -> set[tf.Operation]:
    """The nodes that the outputs depend on: Keras leaves others beside them."""
    found, front = set(), [tensor.op for tensor in graph.outputs]
    while front:
        op = front.pop()
        if op not in found:
            found.add(op)
            front += [tensor.op for tensor in op.inputs]
    return found


def _reference(model: keras.Model) -> int:
    """Operations a sample: what a second and a third sample add, so that what is done once a batch drops out."""
    one, three = (sum(map(_operations, _needed(_graph(model, batch)))) for batch in (1, 3))
    assert (three - one) % 2 == 0
    return (three - one) // 2


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("name", ["rnn", "irnn", "gru", "lstm", "lstm-1997", "bilstm"])
def test_a_loop_has_the_operations_of_its_unrolled_graph(name, per_step):
    spec = InputSpec("sequence", (5, 3), outputs=2, per_step=per_step)
    model = _build(name, spec, units=7, layers=2)
    assert count_flops(model) == Count(_reference(_unrolled(model)))


@pytest.mark.parametrize("options", [{"reset_after": False}, {"use_bias": False}, {"recurrent_activation": "linear"}])
def test_the_variants_of_a_gru_have_the_operations_of_their_graphs(options):
    model = keras.Sequential([keras.Input((4, 3)), layers.GRU(5, unroll=True, implementation=1, **options)])
    assert count_flops(model).flops == _reference(model)


def test_stacked_cells_and_merged_directions_have_the_operations_of_their_graphs():
    cells = [layers.LSTMCell(4, use_bias=False, implementation=1), layers.SimpleRNNCell(3, activation="linear")]
    inputs = keras.Input((4, 3))
    x = layers.RNN(cells, unroll=True, return_sequences=True)(inputs)
    x = layers.Bidirectional(layers.SimpleRNN(5, unroll=True), merge_mode="sum")(x)
    model = keras.Model(inputs, x)
    assert count_flops(model).flops == _reference(model)


@pytest.mark.parametrize(
    ("name", "spec"), [("mlp", SEQUENCE), ("mlp", IMAGE), ("cnn", IMAGE), ("conv1d", SEQUENCE), ("rnn", TOKENS)]
)
def test_a_model_has_the_operations_of_its_graph(name, spec):
    model = _build(name, spec, units=9)
    assert count_flops(model) == Count(_reference(_unrolled(model)))


def test_a_transformer_has_the_operations_of_its_graph_less_what_its_normalisation_does_twice():
    model = _build("transformer", SEQUENCE, units=12, layers=2)
    steps, width = model.get_layer("stem").output.shape[1:]
    # Keras multiplies mean and input apart by 1/deviation and the scale: width more, and 3 a step for that quotient.
    twice = 5 * steps * (width + 3)
    assert count_flops(model).flops == _reference(model) - twice


def test_a_count_is_the_one_of_tensorflows_own_profiler_where_that_counts_all():
    from tensorflow.python.profiler import model_analyzer, option_builder

    options = {**option_builder.ProfileOptionBuilder.float_operation(), "output": "none"}

    def profiled(model):
        return model_analyzer.profile(_graph(model, 1), options=options).total_float_ops

    linear = {"activation": "linear", "units": 7}
    unrolled = keras.Sequential([keras.Input((5, 3)), layers.SimpleRNN(**linear, unroll=True), layers.Dense(2)])
    assert count_flops(unrolled).flops == profiled(unrolled)
    rolled = keras.Sequential([keras.Input((5, 3)), layers.SimpleRNN(**linear), layers.Dense(2)])
    assert count_flops(rolled) == count_flops(unrolled)
    assert profiled(rolled) < profiled(unrolled)  # why there is a count of our own


def test_dilated_and_causal_convolutions_cost_what_plain_ones_do():
    def flops(**options):
        return count_flops(keras.Sequential([keras.Input((8, 3)), layers.Conv1D(4, 3, **options)])).flops

    assert flops(padding="causal", dilation_rate=4) == flops(padding="same") == 8 * 4 * (2 * 9 + 1)
    assert flops(padding="valid", strides=2) == 3 * 4 * (2 * 9 + 1)
    assert _build("tcn", SEQUENCE).count_params() > 0
    assert count_flops(_build("tcn", SEQUENCE)).flops > 0


def test_a_shared_layer_counts_at_every_call_and_a_nested_model_is_opened():
    inputs = keras.Input((3,))
    shared = layers.Dense(3)
    once = count_flops(keras.Model(inputs, shared(inputs))).flops
    model = keras.Model(inputs, shared(shared(inputs)))
    assert count_flops(model).flops == 2 * once
    other = keras.Input((3,))
    assert count_flops(keras.Model(other, keras.Sequential([model, layers.ReLU()])(other))).flops == 2 * once + 3


def test_functions_of_keras_on_symbolic_tensors_have_the_operations_of_their_graph():
    inputs = keras.Input((4, 3))
    x = keras.ops.tanh(inputs * 2.0 + 1.0)
    x = keras.ops.mean(keras.ops.matmul(keras.ops.transpose(x, (0, 2, 1)), inputs), axis=1)
    model = keras.Model(inputs, x)
    assert count_flops(model).flops == _reference(model)


def test_every_built_in_architecture_has_a_count_on_everything_it_reads():
    specs = [
        SEQUENCE,
        TOKENS,
        IMAGE,
        InputSpec("vector", (6,), outputs=2),
        InputSpec("sequence", (5, 3), 2, per_step=True),
    ]
    for name, entry in discover().architectures.items():
        for spec in specs:
            if entry.value.refuses(spec) is None:
                found = count_flops(_build(name, spec))
                assert (found.flops or 0) > 0, (name, spec.kind, found)


def test_what_is_not_known_has_no_count_and_is_named_once():
    class Strange(layers.Dense):
        def call(self, inputs):
            return super().call(super().call(inputs))

    inputs = keras.Input((3,))
    x = layers.Dense(3)(Strange(3)(Strange(3)(inputs)))
    assert count_flops(keras.Model(inputs, layers.Lambda(lambda x: x)(x))) == Count(None, ("Strange", "Lambda"))


def test_a_model_that_is_not_a_graph_of_layers_has_no_count():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    inputs = keras.Input((3,))
    assert count_flops(Own()) == Count(None, ("Own",))
    assert count_flops(keras.Model(inputs, Own()(inputs))) == Count(None, ("Own",))
    nested = keras.Sequential([keras.Input((None, 3)), layers.Dense(2)])
    steps = keras.Input((4, 3))
    assert count_flops(keras.Model(steps, nested(steps))) == Count(None, ("Sequential",))
    loop = keras.Input((None, 3))
    assert count_flops(keras.Model(loop, layers.LSTM(2)(loop))) == Count(None, ("LSTM of a length that is not fixed",))


def test_a_cell_of_ones_own_is_not_known_until_it_says_its_operations():
    entry = discover([EXAMPLES / "leaky.py"]).architecture("leaky")
    model = entry.value.build(SEQUENCE, units=4)
    assert count_flops(model) == Count(None, ("LeakyCell",))
    next(layer for layer in model.layers if isinstance(layer, layers.RNN)).cell.flops = lambda shape: 100 * shape[0]
    assert count_flops(model) == Count(5 * 300 + 4 * 2 * 2 + 2)
