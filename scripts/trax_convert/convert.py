"""One conversion from start to end: read the settings, plan, stream the weights, write the directory, rename it."""

import json
import os
from dataclasses import dataclass

from .checkpoint import Checkpoint
from .errors import ConversionError
from .gin import read_gin
from .hash_keys import find_keys
from .model_directory import ModelDirectory
from .models import plan_model
from .pack import output_types, pack
from .progress import Progress
from .safetensors import SafetensorsWriter
from .settings import Settings, ignored_settings
from .tokenizer_file import Tokenizer

FIRST_POSITION_ARRAY = 1  # in every model it follows the first embedding


@dataclass
class Options:
    """What the command line says."""

    checkpoint: str
    gin: str
    out: str
    tokenizer: str | None = None
    type: str = "f32"
    lsh_keys: str | None = None
    append_eos_to_source: bool = False
    max_new_tokens: int | None = None
    max_source_tokens: int | None = None
    n_reserved_ids: int | None = None
    force: bool = False
    quiet: bool = False


def convert(options, log):
    """Converts one checkpoint; `log(text)` gets notices. Returns the number of tensors and the bytes written."""
    directory = ModelDirectory(options.out, options.force)
    settings = Settings(read_gin(options.gin))
    tokenizer = Tokenizer(options.tokenizer) if options.tokenizer else None
    generation = _generation(options, settings)
    if tokenizer is not None:
        warning = tokenizer.check(_source_vocabulary(settings.args), generation["n_reserved_ids"])
        if warning:
            log(warning)
    elif options.n_reserved_ids:
        raise ConversionError("--n-reserved-ids needs --tokenizer with a T2T subword vocabulary")
    plan = plan_model(settings.model, settings.args, settings.dense_twin)
    checkpoint = Checkpoint(options.checkpoint, plan.stored_bytes())
    if settings.needs_shapes:
        settings.learn_from_shapes(checkpoint.peek_shape(FIRST_POSITION_ARRAY))
        plan = plan_model(settings.model, settings.args, settings.dense_twin)
    ignored = ignored_settings(settings)
    if ignored:
        log("ignored, since they do not concern the model: " + ", ".join(ignored))
    keys = find_keys(plan, checkpoint, options.lsh_keys)
    with directory as temporary:
        size = _write_weights(os.path.join(temporary, "model.safetensors"), plan, checkpoint, keys, options)
        config = {"terse_layout": 1, "model": settings.model, "args": settings.args}
        directory.write_text("config.json", json.dumps(config, indent=2) + "\n")
        directory.write_text("generation_config.json", json.dumps(generation, indent=2) + "\n")
        if tokenizer is not None:
            directory.write_bytes(tokenizer.name, tokenizer.data)
        directory.commit()
    return len(plan.tensors) + len(plan.hashed), size


def _write_weights(path, plan, checkpoint, keys, options):
    stream = checkpoint.open_weights()
    writer = None
    try:
        writer = SafetensorsWriter(path, output_types(plan, options.type))
        pack(plan, stream, writer, keys, Progress(stream, checkpoint.weights_path, options.quiet))
        writer.finish(stream.raw.sha256.hexdigest() if stream.raw is not None else stream.sha256)
        return writer.size
    except OSError as error:
        raise ConversionError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        stream.close()
        if writer is not None:
            writer.close()


def _source_vocabulary(args):
    return args["vocab_size"] if "vocab_size" in args else args["input_vocab_size"]


def _generation(options, settings):
    max_len = settings.args["max_len"]
    reserved = options.n_reserved_ids
    if reserved is None:
        reserved = _reserved_in_gin(settings.gin) if options.tokenizer else 0
    source = max_len if options.max_source_tokens is None else options.max_source_tokens
    if source > max_len:
        raise ConversionError(f"--max-source-tokens {source} is more than the model's max_len = {max_len}")
    return {
        "bos_token_id": 0,
        "eos_token_id": 1,
        "max_new_tokens": min(128, max_len) if options.max_new_tokens is None else options.max_new_tokens,
        "max_source_tokens": source,
        "append_eos_to_source": options.append_eos_to_source,
        "n_reserved_ids": reserved,
    }


def _reserved_in_gin(gin):
    """What the data pipeline of the training run says, where it does (tokenize.n_reserved_ids)."""
    for binding in gin.bindings.values():
        if binding.parameter == "n_reserved_ids" and binding.target.lower() == "tokenize":
            value = gin.resolve(binding.value)
            return value if type(value) is int and value > 0 else 0
    return 0
