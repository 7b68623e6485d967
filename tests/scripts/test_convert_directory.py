"""What a model directory holds: aligned tensors, types, hash keys, generation defaults, the tokenizer."""

import hashlib
import json
import os
import unittest

import numpy as np
from convert_helpers import TINY_GIN, ConverterTest, random_arrays, read_safetensors

LSH_GIN = """
ReformerLM.vocab_size = 20
ReformerLM.d_model = 8
ReformerLM.d_ff = 8
ReformerLM.d_attention_key = 4
ReformerLM.d_attention_value = 4
ReformerLM.n_layers = 2
ReformerLM.n_heads = 2
ReformerLM.max_len = 16
ReformerLM.attention_type = @LSHSelfAttention
"""


class Tensors(ConverterTest):
    def setUp(self):
        super().setUp()
        self.arrays = random_arrays(TINY_GIN)
        self.write_split(self.arrays)

    def header(self, **options):
        self.convert(force=True, **options)
        path = os.path.join(self.out, "model.safetensors")
        metadata, _, header = read_safetensors(path)
        with open(path, "rb") as stream:
            start = 8 + int.from_bytes(stream.read(8), "little")
        return start, metadata, header, os.path.getsize(path)

    def test_whole_lines_of_64_bytes_stand_first_and_aligned(self):
        for kind in ("f32", "bf16"):
            start, _, header, size = self.header(type=kind)
            self.assertEqual(start % 64, 0)
            places = [entry["data_offsets"] for entry in header.values()]
            self.assertEqual(places[0][0], 0)
            self.assertEqual([a[1] for a in places[:-1]], [b[0] for b in places[1:]])
            self.assertEqual(places[-1][1], size - start)
            uneven = [(end - begin) % 64 != 0 for begin, end in places]
            self.assertEqual(uneven, sorted(uneven))
            self.assertTrue(any(uneven))

    def test_metadata_name_the_format_and_hold_the_digests_of_the_source_and_of_the_data(self):
        with open(self.path("model.weights.npy.gz"), "rb") as stream:
            source = hashlib.sha256(stream.read()).hexdigest()
        start, metadata, _, _ = self.header()
        with open(os.path.join(self.out, "model.safetensors"), "rb") as stream:
            stream.seek(start)
            data = hashlib.sha256(stream.read()).hexdigest()
        self.assertEqual(
            metadata, {"format": "terse", "layout": "1", "source_sha256": source, "data_sha256": data})

    def test_bf16_rounds_matrices_to_nearest_even_and_leaves_vectors(self):
        self.arrays[0].reshape(-1)[:3] = np.array([0x3F808000, 0x3F818000, 0x3F808001], np.uint32).view(np.float32)
        self.write_split(self.arrays)
        _, _, header, _ = self.header(type="bf16")
        tensors = read_safetensors(os.path.join(self.out, "model.safetensors"))[1]
        found = tensors["embedding.table"].reshape(-1)[:3].view(np.uint32)
        self.assertEqual([hex(n) for n in found], ["0x3f800000", "0x3f820000", "0x3f810000"])
        for name, entry in header.items():
            matrix = len(entry["shape"]) >= 2 and not name.endswith("bias")
            self.assertEqual(entry["dtype"], "BF16" if matrix else "F32", name)

    def test_large_tensors_are_packed_in_slabs_to_the_same_bytes(self):
        from trax_convert import pack

        whole = self.convert(force=True)[1]
        slab, pack.SLAB = pack.SLAB, 256
        try:
            pieces = self.convert(force=True)[1]
        finally:
            pack.SLAB = slab
        for name in whole:
            np.testing.assert_array_equal(whole[name], pieces[name])


class HashKeys(ConverterTest):
    def setUp(self):
        super().setUp()
        self.keys = np.arange(16, dtype=np.uint32).reshape(2, 4, 2)  # layer, example * heads, pair
        buckets = np.zeros((4, 6), np.int32)
        state = [np.float32(0.1) * np.ones(()), buckets, self.keys[0], np.zeros((4, 2), np.uint32), buckets, self.keys[1]]
        self.arrays = random_arrays(LSH_GIN)
        self.write_split(self.arrays, flat_state=state)

    def key_file(self, classes=("LSHSelfAttention", "LSHSelfAttention"), keys=((9, 8), (7, 6), (5, 4), (3, 2))):
        entries = [{"path": f"/{i}", "class": name, "keys": keys} for i, name in enumerate(classes)]
        return self.write("keys.json", json.dumps(entries))

    def test_the_first_examples_keys_are_taken_from_the_state(self):
        tensors = self.convert(LSH_GIN)[1]
        for i in range(2):
            found = tensors[f"decoder.layers.{i}.attention.hash_keys"]
            np.testing.assert_array_equal(found, self.keys[i, :2])
            self.assertEqual(found.dtype, np.uint32)

    def test_a_file_of_keys_wins(self):
        tensors = self.convert(LSH_GIN, lsh_keys=self.key_file())[1]
        np.testing.assert_array_equal(tensors["decoder.layers.1.attention.hash_keys"], [[9, 8], [7, 6]])

    def test_without_keys_the_option_is_asked_for(self):
        self.write_split(self.arrays)
        self.fails("keys of 0 layers, the model has 2 with LSH; give the keys with --lsh-keys", gin_text=LSH_GIN)

    def test_a_file_of_keys_for_another_model_is_refused(self):
        for arguments, pattern in [
            ({"classes": ("LSHSelfAttention",)}, "keys of 1 layers, the model has 2"),
            ({"classes": ("LSHSelfAttention", "PureLSHSelfAttention")}, r"entry 1 \(/1\) is for PureLSHSelfAttention"),
            ({"keys": ((1, 2), (3, 4), (5, 6))}, "3 keys are not a multiple of the 2 heads"),
            ({"keys": ((1, 2), (3, -4))}, "not pairs of 32-bit integers"),
        ]:
            keys = self.key_file(**arguments)
            self.fails(pattern, gin_text=LSH_GIN, lsh_keys=keys)
        self.fails("not JSON", gin_text=LSH_GIN, lsh_keys=self.write("keys.json", "<html>"))


class Defaults(ConverterTest):
    def setUp(self):
        super().setUp()
        self.write_split(random_arrays(TINY_GIN))

    def generation(self, **options):
        self.convert(force=True, **options)
        with open(os.path.join(self.out, "generation_config.json"), encoding="utf-8") as stream:
            return json.load(stream)

    def test_generation_defaults(self):
        self.assertEqual(self.generation(), {
            "bos_token_id": 0, "eos_token_id": 1, "max_new_tokens": 12, "max_source_tokens": 12,
            "append_eos_to_source": False, "n_reserved_ids": 0})
        found = self.generation(max_new_tokens=5, max_source_tokens=7, append_eos_to_source=True)
        self.assertEqual((found["max_new_tokens"], found["max_source_tokens"], found["append_eos_to_source"]), (5, 7, True))

    def test_a_source_longer_than_the_positions_is_refused(self):
        self.fails("--max-source-tokens 13 is more than the model's max_len = 12", max_source_tokens=13)

    def test_subwords_are_told_by_their_content(self):
        subwords = self.write("vocab.txt", "'the_'\n'a_'\n\"'_\"\n'\\n_'\n")
        self.assertEqual(self.generation(tokenizer=subwords, n_reserved_ids=20)["n_reserved_ids"], 20)
        self.assertIn("vocab.subword", os.listdir(self.out))
        self.assertEqual(self.notices, [])

    def test_reserved_ids_that_push_pieces_out_of_the_vocabulary_are_a_warning(self):
        self.generation(tokenizer=self.write("vocab.txt", "'a_'\n" * 20), n_reserved_ids=6)
        self.assertRegex(self.notices[0], "with 6 reserved ids the last 2 of the 20 pieces .* vocabulary of 24")

    def test_a_subword_with_a_line_break_counts_as_two_as_in_trax(self):
        lines = "".join(f"'{letter}_'\n" for letter in "abcdefghijklmnopqrs") + "'\n'\n"
        subwords = self.write("vocab.txt", lines)
        self.generation(tokenizer=subwords, n_reserved_ids=3)
        self.assertEqual(self.notices, [])
        self.generation(tokenizer=subwords, n_reserved_ids=4)
        self.assertRegex(self.notices[0], "the last 1 of the 21 pieces")

    def test_reserved_ids_are_taken_from_the_data_pipeline_when_it_names_them(self):
        subwords = self.write("vocab.txt", "'the_'\n'a_'\n")
        found = self.generation(gin_text=TINY_GIN + "data.tokenize.n_reserved_ids = 10\n", tokenizer=subwords)
        self.assertEqual(found["n_reserved_ids"], 10)

    def test_sentencepiece_is_told_by_its_content(self):
        piece = b"\x0a\x05\x0a\x03abc"
        model = self.write("sp", piece * 24 + b"\x12\x00")
        self.generation(tokenizer=model)
        self.assertIn("spiece.model", os.listdir(self.out))
        self.fails("reserved ids belong to T2T subwords", tokenizer=model, n_reserved_ids=3, force=True)
        self.fails("25 pieces, the model's vocabulary only 24", tokenizer=self.write("sp", piece * 25), force=True)

    def test_any_other_file_is_no_tokenizer(self):
        for data in (b"", b"<html></html>", b"\x0a\x05\x0a\x03ab", b"the\na\n", bytes(range(256))):
            self.fails("neither a SentencePiece model nor a T2T subword", tokenizer=self.write("sp", data))

    def test_reserved_ids_without_a_tokenizer_are_refused(self):
        self.fails("--n-reserved-ids needs --tokenizer", n_reserved_ids=5)

    def test_ignored_settings_are_one_notice(self):
        self.convert(TINY_GIN + "train.steps = 3\nAdam.b1 = 0.9\n")
        self.assertEqual(self.notices, ["ignored, since they do not concern the model: Adam (1), train (1)"])


if __name__ == "__main__":
    unittest.main()
