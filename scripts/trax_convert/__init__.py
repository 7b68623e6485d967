"""Converts Google Trax checkpoints of sparse transformers into model directories (io/FORMAT.md).

gin_lexer, gin            a gin file as bindings, macros and references
defaults, settings, attention_settings, forward_settings
                          from bindings to the arguments of config.json
npy_stream, pickles, checkpoint
                          a checkpoint as a stream of arrays in Trax's order
plan, dense_layers, feed_forward, positions, attention, loss, models
                          which arrays a model stores, and which tensors they become
safetensors, pack         streams arrays through a plan into model.safetensors
hash_keys, tokenizer_file, model_directory, progress, convert
                          one conversion from start to end
"""
