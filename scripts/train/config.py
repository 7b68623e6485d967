"""What a model is: the arguments of its Trax class that this trainer knows, read from and written to JSON."""

import dataclasses
import json

TERRAFORMER = "ConfigurableTerraformer"
LANGUAGE_MODEL = "ConfigurableTransformerLM"


@dataclasses.dataclass(frozen=True)
class Config:
    """Sparsity is a number of modules or the size of a block; 0 means dense."""

    model: str = TERRAFORMER
    vocab_size: int = 8000
    d_model: int = 256
    d_ff: int = 1024
    n_heads: int = 4
    n_encoder_layers: int = 4  # a language model has none
    n_decoder_layers: int = 4
    n_decoder_attention_layers: int = 2  # in a block of a Terraformer's decoder
    max_len: int = 1024
    ff_sparsity: int = 16  # units in a block, of which a token takes one
    attention_sparsity: int = 8  # modules of the decoder's multiplicative-convolutional attention
    length_kernel_size: int = 3
    loss_sparsity: int = 4  # modules of the factored projection to the vocabulary
    sru_units: int = 32  # of the recurrent branch beside each feed-forward; 0 for none
    dropout: float = 0.1

    def __post_init__(self):
        if self.model not in (TERRAFORMER, LANGUAGE_MODEL):
            raise ValueError(f"model is {self.model!r}; this trainer knows {TERRAFORMER} and {LANGUAGE_MODEL}")
        for divisor, of in (("n_heads", "d_model"), ("attention_sparsity", "d_model"), ("ff_sparsity", "d_ff"),
                            ("loss_sparsity", "vocab_size")):
            value, whole = getattr(self, divisor), getattr(self, of)
            if value and whole % value:
                raise ValueError(f"{of} is {whole}, which {divisor} = {value} does not divide")

    @property
    def is_language_model(self):
        return self.model == LANGUAGE_MODEL

    @property
    def d_lowrank(self):
        """The rank of the feed-forward's controller: Trax's default."""
        return self.d_ff // self.ff_sparsity

    @property
    def decoder_attentions(self):
        return 1 if self.is_language_model else self.n_decoder_attention_layers


def load(path):
    """The Config in a JSON file; a key that is not known is an error."""
    with open(path, encoding="utf-8") as file:
        values = json.load(file)
    known = {field.name for field in dataclasses.fields(Config)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{path}: unknown settings: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return Config(**values)


def save(config, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(config), file, indent=2)
        file.write("\n")
