"""Starts a deeper Terraformer from a trained one.

New blocks are copies of old ones whose branches end in zeros, so they compute nothing at first. In a reversible stack
each half-residual also swaps the streams. An encoder block swaps twice, so one more changes nothing; a decoder block
with two attentions swaps three times, so new ones come in pairs. What the streams pass through is then the old model.
"""

from weights import Weights


def plan(old, new, swaps):
    """For each block of the new stack, (old block, whether it is a silent copy)."""
    extra = new - old
    if extra < 0:
        raise ValueError(f"a stack of {old} blocks can't grow to {new}")
    if extra * swaps % 2:
        raise ValueError(f"{extra} new blocks of {swaps} swaps each would exchange the streams; add an even number")
    if swaps % 2 == 0:
        # Spread: each old block is followed by its share of copies.
        result, added = [], 0
        for i in range(old):
            due = extra * (i + 1) // old
            result += [(i, False)] + [(i, True)] * (due - added)
            added = due
        return result
    # Pairs stand together, before the last block; their copies are of the blocks around them.
    silent = [(min(old - 1, max(0, old - 2) + j % 2), True) for j in range(extra)]
    return [(i, False) for i in range(old - 1)] + silent + [(old - 1, False)]


def _silence(weights, block, sparse_attention):
    """Zeros the last arrays of each branch of a block."""
    for name, view in weights.named.items():
        if not name.startswith(block + "."):
            continue
        ends = ("units.out", "units.bias", "ff.out.weight", "ff.out.bias", "sru.out.weight", "sru.out.bias")
        attention = ("value.kernel", "value.bias") if sparse_attention else ("output.weight", "output.bias")
        if name.endswith(ends) or (".attention" in name and name.endswith(attention)):
            view.data.zero_()


def grow(old, config):
    """Weights of `config` that give what `old` gives."""
    new = Weights(config)
    for name, view in new.named.items():
        if not name.startswith(("encoder.", "decoder.")) or name.endswith("positions"):
            view.data.copy_(old[name].data)
    stacks = (("encoder", old.config.n_encoder_layers, config.n_encoder_layers, 2),
              ("decoder", old.config.n_decoder_layers, config.n_decoder_layers, config.n_decoder_attention_layers + 1))
    for stack, before, after, swaps in stacks:
        for i, (source, silent) in enumerate(plan(before, after, swaps)):
            prefix = f"{stack}.{i}."
            for name, view in new.named.items():
                if name.startswith(prefix):
                    view.data.copy_(old[f"{stack}.{source}." + name[len(prefix) :]].data)
            if silent:
                _silence(new, f"{stack}.{i}", stack == "decoder" and config.attention_sparsity)
    return new
