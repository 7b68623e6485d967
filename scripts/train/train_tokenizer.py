#!/usr/bin/env python3
"""Trains spiece.model on the training split: unigram pieces, bytes for what they don't cover, 0 pad, 1 end, 2 unknown."""

import argparse
import json
import os
import shutil
import sys
import tempfile

try:
    import sentencepiece
except ImportError as error:
    sys.exit(f"train_tokenizer: {error}; this script needs SentencePiece (Debian: python3-sentencepiece)")

SENTENCES = 90000  # that SentencePiece draws from the split


def parse(arguments):
    parser = argparse.ArgumentParser(prog="train_tokenizer.py", description=__doc__)
    parser.add_argument("--data", required=True, metavar="DIR", help="train.jsonl; spiece.model goes there, too")
    parser.add_argument("--vocab-size", type=int, default=8000, metavar="N")
    return parser.parse_args(arguments)


def main(arguments=None):
    arguments = parse(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        texts = os.path.join(scratch, "texts")
        with open(os.path.join(arguments.data, "train.jsonl"), encoding="utf-8") as pairs, open(texts, "w", encoding="utf-8") as file:
            for line in pairs:
                pair = json.loads(line)
                file.write(f"{pair['source']}\n{pair['target']}\n")
        sentencepiece.SentencePieceTrainer.train(
            input=texts, model_prefix=os.path.join(scratch, "spiece"), vocab_size=arguments.vocab_size, model_type="unigram",
            byte_fallback=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=0.9995, max_sentence_length=8000,
            input_sentence_size=SENTENCES, shuffle_input_sentence=True, minloglevel=1)
        shutil.move(os.path.join(scratch, "spiece.model"), os.path.join(arguments.data, "spiece.model"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
