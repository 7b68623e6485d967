#!/usr/bin/env python3
"""Converts every model case and layer case below a folder of golden data.

OUT_DIR/CASE/split and OUT_DIR/CASE/inline are the two checkpoint layouts (hash keys: those of eval mode);
OUT_DIR/CASE/split_predict has the hash keys of predict mode; OUT_DIR/layers/CASE is one layer.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from convert_layer_case import convert_layer_case  # noqa: E402
from trax_convert.convert import Options, convert  # noqa: E402


def convert_golden(golden, out):
    """Returns the number of directories made."""
    made = 0
    for name in sorted(os.listdir(golden)):
        case = os.path.join(golden, name)
        if os.path.exists(os.path.join(case, "config.gin")):
            made += _convert_model_case(case, os.path.join(out, name))
    layers = os.path.join(golden, "layers")
    for name in sorted(os.listdir(layers)) if os.path.isdir(layers) else []:
        if os.path.exists(os.path.join(layers, name, "input_0.npy")):
            convert_layer_case(os.path.join(layers, name), os.path.join(out, "layers", name))
            made += 1
    return made


def _convert_model_case(case, out):
    os.makedirs(out, exist_ok=True)
    eval_keys, predict_keys = (os.path.join(case, f"lsh_keys_{mode}.json") for mode in ("eval", "predict"))
    wanted = [("split", "split", eval_keys), ("inline", "inline", eval_keys)]
    if os.path.exists(predict_keys):
        wanted.append(("split_predict", "split", predict_keys))
    made = 0
    for target, layout, keys in wanted:
        checkpoint = os.path.join(case, layout, "model.pkl.gz")
        if os.path.exists(checkpoint):
            convert(Options(
                checkpoint=checkpoint, gin=os.path.join(case, "config.gin"), out=os.path.join(out, target), force=True,
                lsh_keys=keys if os.path.exists(keys) else None, quiet=True), lambda text: None)
            made += 1
    return made


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: convert_golden.py GOLDEN_DIR OUT_DIR")
    print(convert_golden(sys.argv[1], sys.argv[2]), "directories")
