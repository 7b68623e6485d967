"""Packs the loss layer, which maps vectors to logits (Trax SparseDenseWithOptions)."""

from .dense_layers import dense, einsum_dense, factored_dense, locally_connected_dense, low_rank_dense


def loss_layer(scope, args, vocab, d_input, dense_twin=False):
    """`dense_twin`: Trax also stores the dense layer that it trains at random times; it is dropped."""
    kind, sparsity = args["loss_sparsity_type"], args["loss_sparsity"]
    if kind == "dense":
        dense(scope, d_input, vocab)
    elif kind == "mult":
        factored_dense(scope, sparsity, d_input, vocab)
    elif kind == "lowrank":
        low_rank_dense(scope, d_input, args["loss_d_lowrank"], vocab)
    elif kind == "einsum":
        einsum_dense(scope, d_input, vocab)
    else:
        width = {"local": 1, "local3": 3}[kind]
        locally_connected_dense(scope, sparsity, d_input // sparsity, vocab // sparsity, width)
    if dense_twin:
        twin = scope.sub("dense_twin")
        twin.store("Dense", "w", (d_input, vocab))
        twin.store("Dense", "b", (vocab,))
