"""Resolves the arguments of feed-forward and loss layers."""

from .errors import ConversionError

_NOT_SPARSE = {"ff_sparsity": None, "ff_use_sru": None}
_DENSE_LOSS = {"loss_sparsity_type": "dense", "loss_sparsity": 0, "loss_d_lowrank": 0}
_LOSS_TYPES = ("mult", "lowrank", "einsum", "local", "local3")


def resolve_feed_forward(model, raw):
    """`ff_sparsity` and `ff_use_sru` as config.json states them."""
    if "ff_sparsity" not in raw:
        return dict(_NOT_SPARSE)
    kind = raw.get("ff_sparsity_type", "1inN")
    sparsity = raw["ff_sparsity"]
    return {"ff_sparsity": _ff_sparsity(model, raw, sparsity, kind), "ff_use_sru": _sru(model, raw["ff_use_sru"])}


def _ff_sparsity(model, raw, sparsity, kind):
    if not sparsity:
        return None
    d_ff = raw["d_ff"]
    if kind in ("Block", "Switch"):
        if type(sparsity) is not int or d_ff % sparsity:
            raise ConversionError(f"{model}.ff_sparsity = {sparsity!r} experts do not divide d_ff = {d_ff}")
        return {"type": kind, "n_experts": sparsity}
    if kind != "1inN":
        return None  # Trax takes any other type for dense
    n, d_lowrank = _block_and_rank(model, sparsity, d_ff)
    if type(n) is not int or type(d_lowrank) is not int or n < 1 or d_lowrank < 1 or d_ff % n:
        raise ConversionError(f"{model}.ff_sparsity = {sparsity!r} does not fit d_ff = {d_ff}")
    if isinstance(sparsity, int) and (raw.get("half_before_layer") or raw.get("double_after_layer")):
        d_lowrank = None  # d_ff / N of each block
    return {"type": kind, "n_elements_in_block": n, "d_lowrank": d_lowrank}


def _block_and_rank(model, sparsity, d_ff):
    """(N, low rank) of an int, a pair, four numbers (with temperature and probability) or a string of them."""
    if isinstance(sparsity, bool):
        raise ConversionError(f"{model}.ff_sparsity = {sparsity!r} is not a number")
    if isinstance(sparsity, int):
        return sparsity, d_ff // sparsity
    if isinstance(sparsity, str):
        try:
            sparsity = [float(word) if "." in word else int(word) for word in sparsity.split()]
        except ValueError:
            raise ConversionError(f"{model}.ff_sparsity = {sparsity!r} is not a list of numbers") from None
    if not isinstance(sparsity, (list, tuple)) or len(sparsity) not in (2, 4):
        raise ConversionError(f"{model}.ff_sparsity = {sparsity!r}: expected a number, two or four")
    return sparsity[0], sparsity[1]


def _sru(model, value):
    if not value:
        return None
    n_layers, n_units = value if isinstance(value, (list, tuple)) and len(value) == 2 else (value, 32)
    if type(n_layers) is not int or type(n_units) is not int or n_layers < 0 or n_units < 1:
        raise ConversionError(f"{model}.ff_use_sru = {value!r}: expected a number of layers, or layers and units")
    return {"n_layers": n_layers, "n_units": n_units}


def resolve_loss(model, raw):
    """The three loss arguments; a type without sparsity is dense, as in Trax."""
    if "loss_sparsity" not in raw:
        return dict(_DENSE_LOSS)
    kind, sparsity = raw["loss_sparsity_type"], raw["loss_sparsity"]
    if kind in (None, "None") or sparsity == 0:
        return dict(_DENSE_LOSS)
    if kind not in _LOSS_TYPES:
        raise ConversionError(f"{model}.loss_sparsity_type = {kind!r} is not one of {_LOSS_TYPES}")
    if type(sparsity) is not int or sparsity < 1:
        raise ConversionError(f"{model}.loss_sparsity = {sparsity!r} is not a positive integer")
    if kind == "lowrank" and not raw["loss_d_lowrank"]:
        raise ConversionError(f"{model}.loss_sparsity_type = 'lowrank' needs loss_d_lowrank")
    vocab = raw.get("output_vocab_size") or raw.get("vocab_size") or raw.get("input_vocab_size")
    if kind in ("mult", "local", "local3") and vocab % sparsity:
        raise ConversionError(f"{model}.loss_sparsity = {sparsity} does not divide the vocabulary of {vocab}")
    if model == "ReformerLM" and kind in ("mult", "einsum"):
        raise ConversionError(f"ReformerLM with loss_sparsity_type {kind!r} cannot run in Trax: its loss sees 2 d_model")
    return {"loss_sparsity_type": kind, "loss_sparsity": sparsity, "loss_d_lowrank": raw["loss_d_lowrank"]}
