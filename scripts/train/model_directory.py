"""Reads a model directory of terse (io/FORMAT.md) back into the trainer's weights."""

import json
import os
import re
import struct

import numpy as np
import torch

from config import LANGUAGE_MODEL, Config
from weights import Weights


def _config(directory):
    """config.json as a Config; what this trainer doesn't have is an error."""
    path = os.path.join(directory, "config.json")
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    a = content["args"]
    lm = content["model"] == LANGUAGE_MODEL
    attention = a["attention_type" if lm else "encoder_decoder_attention_type"]
    sparse = attention["layer"] == "MultiplicativeConvCausalAttention"
    config = Config(
        model=content["model"], vocab_size=a["vocab_size" if lm else "input_vocab_size"], d_model=a["d_model"], d_ff=a["d_ff"],
        n_heads=a["n_heads"], n_encoder_layers=0 if lm else a["n_encoder_layers"],
        n_decoder_layers=a["n_layers" if lm else "n_decoder_layers"],
        n_decoder_attention_layers=1 if lm else a["n_decoder_attention_layers"], max_len=a["max_len"],
        ff_sparsity=a["ff_sparsity"]["n_elements_in_block"] if a["ff_sparsity"] else 0,
        attention_sparsity=attention["params"]["sparsity"] if sparse else 0,
        length_kernel_size=attention["params"]["length_kernel_size"] if sparse else 3,
        loss_sparsity=a["loss_sparsity"] if a["loss_sparsity_type"] == "mult" else 0,
        sru_units=a["ff_use_sru"]["n_units"] if a["ff_use_sru"] else 0)
    fits = (a["positions"]["type"] == "learned" and (sparse or attention["layer"] == "CausalAttention")
            and (lm or (a["reversible_encoder"] and a["encoder_attention_type"]["layer"] == "Attention")))
    if not fits:
        raise ValueError(f"{path}: this trainer has no such model; it knows reversible encoders, learned positions, and the attention "
                         "types Attention, CausalAttention and MultiplicativeConvCausalAttention")
    return config


def _tensors(path):
    """Name -> float32 array of a safetensors file."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    found = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        if entry["dtype"] == "F32":
            array = np.frombuffer(data[begin:end], "<f4")
        elif entry["dtype"] == "BF16":
            array = (np.frombuffer(data[begin:end], "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            raise ValueError(f"{path}: {name} is {entry['dtype']}; this reader knows F32 and BF16")
        found[name] = array.reshape(entry["shape"])
    return found


def _name(spec, lm):
    """A Spec's name in the model directory."""
    name = spec.name
    name = re.sub(r"^(encoder|decoder)\.(\d+)\.", r"\1.layers.\2.", name)
    name = name.replace(".ff.", ".feed_forward.").replace(".sru.cell.", ".sru.layers.0.dense.")
    name = name.replace(".units.bias", ".bias").replace(".units.in", ".units").replace(".units.out", ".units")
    if lm:
        name = name.replace(".attention.0.", ".attention.").replace("decoder.positions", "positions")
    if name == "embedding" or name.endswith("positions"):
        name += ".table"
    return re.sub(r"^norm\.", "decoder.norm.", name)


def _from_directory(spec, array, config):
    """The array in the trainer's shape: matrices stand the other way round there."""
    name = spec.name
    if name.endswith("units.in"):
        return array[:, :, 0]
    if name.endswith("units.out"):
        return array[:, :, 1]
    if name.endswith("controller.up"):
        return array.transpose(1, 0, 2).reshape(spec.shape)
    if name.endswith(".kernel"):
        length, width, n_in, n_out = spec.shape
        return array.reshape(n_out, length, width, n_in).transpose(1, 2, 3, 0)
    if name.endswith((".weight", ".projection", "controller.down")):
        return array.T
    return array


def read(directory):
    """The weights.Weights of a model directory."""
    config = _config(directory)
    path = os.path.join(directory, "model.safetensors")
    tensors, weights = _tensors(path), Weights(config)
    for spec in weights.specs:
        name = _name(spec, config.is_language_model)
        if name not in tensors:
            raise ValueError(f"{path}: there is no tensor {name}")
        array = _from_directory(spec, tensors[name], config)
        if array.shape != spec.shape:
            raise ValueError(f"{path}: {name} gives {array.shape} for {spec.name}, expected {spec.shape}")
        weights[spec.name].data.copy_(torch.from_numpy(np.array(array)))
    return weights
