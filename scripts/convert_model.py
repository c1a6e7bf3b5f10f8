"""Turn the safetensors of all-MiniLM-L6-v2 into two ONNX files, byte for byte the same on every machine.

    convert_model.py MODEL_DIRECTORY OUTPUT_DIRECTORY

Writes model.onnx (float 32) and model_int8.onnx (weights int8, one scale per output channel, activations quantised
at run time), each from token ids to a unit vector: mean over the attention mask, then L2 normalisation, stand inside
the graph. The transformer is written with ONNX Runtime's fused operators (domain com.microsoft), which load faster
and run about a tenth faster than the standard ones after its own fusions.

Every number is copied or comes from single IEEE operations on float 32, and the file is serialised in a fixed order,
so that the result can be pinned by its hash.
"""

import json
import os
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper
from safetensors.numpy import load_file

OPSET = 17
IR_VERSION = 8
FUSED = "com.microsoft"


class Graph:
    """Nodes and initialisers in the order of their making; that order is the order in the file."""

    def __init__(self):
        self.nodes = []
        self.initializers = []

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator, inputs, outputs, domain="", **attributes):
        outputs = [outputs] if isinstance(outputs, str) else outputs
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=outputs[0], domain=domain, **attributes))
        return outputs[0]


def quantize(weight, axis):
    """Symmetric int8 with one float scale for each slice along the other axis."""
    peak = np.abs(weight).max(axis=axis)
    scale = np.where(peak > 0, peak / np.float32(127), np.float32(1)).astype(np.float32)
    codes = np.clip(np.rint(weight / np.expand_dims(scale, axis)), -127, 127).astype(np.int8)
    return codes, scale


def product(graph, x, weight, output, int8):
    """x · weight, without the bias, which the next fused operator adds."""
    if not int8:
        return graph.node("MatMul", [x, graph.constant(output + ".weight", weight)], output)
    codes, scale = quantize(weight, axis=0)
    inputs = [x, graph.constant(output + ".weight", codes), graph.constant(output + ".scale", scale)]
    return graph.node("DynamicQuantizeMatMul", inputs, output, domain=FUSED)


def embeddings(graph, weights, epsilon, int8):
    words, positions, types, gamma, beta = (
        weights["embeddings." + name]
        for name in (
            "word_embeddings.weight",
            "position_embeddings.weight",
            "token_type_embeddings.weight",
            "LayerNorm.weight",
            "LayerNorm.bias",
        )
    )
    gamma = graph.constant("embeddings.gamma", gamma)
    beta = graph.constant("embeddings.beta", beta)
    positions = graph.constant("embeddings.positions", positions)
    types = graph.constant("embeddings.types", types)
    if not int8:
        graph.node("Cast", ["input_ids"], "ids32", to=TensorProto.INT32)
        graph.node("Cast", ["token_type_ids"], "types32", to=TensorProto.INT32)
        words = graph.constant("embeddings.words", words)
        inputs = ["ids32", "types32", words, positions, types, gamma, beta]
        return graph.node(
            "EmbedLayerNormalization", inputs, ["embedded", "embedded.mask"], domain=FUSED, epsilon=epsilon
        )
    codes, scale = quantize(words, axis=1)
    graph.node("Gather", [graph.constant("embeddings.words", codes), "input_ids"], "words.codes", axis=0)
    graph.node("Cast", ["words.codes"], "words.float", to=TensorProto.FLOAT)
    scales = graph.constant("embeddings.scales", scale.reshape(-1, 1))
    graph.node("Gather", [scales, "input_ids"], "words.scale", axis=0)
    graph.node("Mul", ["words.float", "words.scale"], "words")
    graph.node("Gather", [types, "token_type_ids"], "types", axis=0)
    graph.node("Add", ["words", "types"], "words.types")
    graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    graph.node(
        "Slice", [positions, graph.constant("from", np.array([0], np.int64)), "length"], "positions"
    )
    graph.node("Add", ["words.types", "positions"], "words.sum")
    return graph.node("LayerNormalization", ["words.sum", gamma, beta], "embedded", axis=-1, epsilon=epsilon)


def layer(graph, weights, index, x, heads, epsilon, int8):
    prefix = f"encoder.layer.{index}."
    here = f"layer{index}."

    def matrix(name):
        return weights[prefix + name + ".weight"].T

    def vector(name, rename):
        return graph.constant(here + rename, weights[prefix + name])

    attention = [f"attention.self.{name}" for name in ("query", "key", "value")]
    parts = [here + name for name in ("query", "key", "value")]
    if int8:
        # One product for the three, so that the activations are quantised once.
        joined = product(graph, x, np.concatenate([matrix(name) for name in attention], axis=1), here + "qkv", int8)
        graph.node("Split", [joined, "thirds"], parts, axis=2)
    else:
        for name, part in zip(attention, parts):
            product(graph, x, matrix(name), part, int8)
    bias = np.concatenate([weights[prefix + name + ".bias"] for name in attention])
    context = graph.node(
        "MultiHeadAttention",
        parts + [graph.constant(here + "qkv.bias", bias), "mask32"],
        here + "context",
        domain=FUSED,
        num_heads=heads,
    )
    attended = product(graph, context, matrix("attention.output.dense"), here + "attended", int8)
    inputs = [attended, x]
    inputs += [vector("attention.output.LayerNorm.weight", "norm1.gamma")]
    inputs += [vector("attention.output.LayerNorm.bias", "norm1.beta")]
    inputs += [vector("attention.output.dense.bias", "attended.bias")]
    middle = graph.node("SkipLayerNormalization", inputs, here + "middle", domain=FUSED, epsilon=epsilon)
    wide = product(graph, middle, matrix("intermediate.dense"), here + "wide", int8)
    bias = vector("intermediate.dense.bias", "wide.bias")
    active = graph.node("BiasGelu", [wide, bias], here + "active", domain=FUSED)
    narrow = product(graph, active, matrix("output.dense"), here + "narrow", int8)
    inputs = [narrow, middle]
    inputs += [vector("output.LayerNorm.weight", "norm2.gamma"), vector("output.LayerNorm.bias", "norm2.beta")]
    inputs += [vector("output.dense.bias", "narrow.bias")]
    return graph.node("SkipLayerNormalization", inputs, here + "output", domain=FUSED, epsilon=epsilon)


def convert(weights, config, int8):
    graph = Graph()
    epsilon = config["layer_norm_eps"]
    width = config["hidden_size"]
    graph.node("Cast", ["attention_mask"], "mask32", to=TensorProto.INT32)
    if int8:
        graph.constant("thirds", np.array([width] * 3, np.int64))
    x = embeddings(graph, weights, epsilon, int8)
    for index in range(config["num_hidden_layers"]):
        x = layer(graph, weights, index, x, config["num_attention_heads"], epsilon, int8)
    last = graph.constant("last", np.array([-1], np.int64))
    sequence = graph.constant("sequence", np.array([1], np.int64))
    graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    graph.node("Unsqueeze", ["mask", last], "mask.column")
    graph.node("Mul", [x, "mask.column"], "tokens")
    graph.node("ReduceSum", ["tokens", sequence], "sum", keepdims=0)
    graph.node("ReduceSum", ["mask", sequence], "count", keepdims=1)
    graph.node("Div", ["sum", "count"], "mean")
    graph.node("LpNormalization", ["mean"], "sentence_embedding", axis=1, p=2)

    shape = ["batch", "sequence"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    outputs = [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", width])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)],
        ir_version=IR_VERSION,
        producer_name="freshet",
        producer_version="1",
    )
    checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def main():
    source, destination = sys.argv[1:]
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    weights = load_file(os.path.join(source, "model.safetensors"))
    for name, int8 in (("model.onnx", False), ("model_int8.onnx", True)):
        with open(os.path.join(destination, name), "wb") as file:
            file.write(convert(weights, config, int8))


if __name__ == "__main__":
    main()
