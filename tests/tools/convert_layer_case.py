#!/usr/bin/env python3
"""Converts one layer case (weight_NN.npy in Trax's order, config.json) into config.json and model.safetensors."""

import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from layer_plan import plan_layer  # noqa: E402
from trax_convert.checkpoint import InlineStream  # noqa: E402
from trax_convert.pack import output_types, pack  # noqa: E402
from trax_convert.safetensors import SafetensorsWriter  # noqa: E402


def convert_layer_case(case, out):
    """Writes out/config.json and out/model.safetensors (without a prefix in the names)."""
    with open(os.path.join(case, "config.json"), encoding="utf-8") as stream:
        config = json.load(stream)
    d_in = np.load(os.path.join(case, "input_0.npy")).shape[-1]
    plan, params = plan_layer(config["layer"], config["args"], d_in)
    arrays = [np.load(os.path.join(case, f"weight_{i:02}.npy")) for i in range(config["n_weights"])]
    keys = [entry["keys"][: layer.heads] for entry, layer in zip(config.get("lsh_keys", []), plan.hashed)]
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "config.json"), "w", encoding="utf-8") as stream:
        json.dump({"layer": config["layer"], "params": params}, stream, indent=2)
    path = os.path.join(out, "model.safetensors")
    if os.path.exists(path):
        os.remove(path)
    writer = SafetensorsWriter(path, output_types(plan, "f32"))
    pack(plan, InlineStream(case, arrays, ""), writer, keys, lambda done, total: None)
    writer.finish("0" * 64)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: convert_layer_case.py LAYER_CASE_DIR OUT_DIR")
    convert_layer_case(sys.argv[1], sys.argv[2])
