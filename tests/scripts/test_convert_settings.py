"""From gin to config.json: defaults, derived forms, ignored settings, and refusals by name."""

import unittest

from convert_helpers import TINY_GIN, ConversionError, parse_gin

from trax_convert.settings import Settings, ignored_settings

LM = "train.model = @ConfigurableTransformerLM\nConfigurableTransformerLM.vocab_size = 32\n"
TERRA = "train.model = @ConfigurableTerraformer\nConfigurableTerraformer.input_vocab_size = 32\n"


def settings(text):
    return Settings(parse_gin(text))


def lm(**arguments):
    return settings(LM + "".join(f"ConfigurableTransformerLM.{k} = {v}\n" for k, v in arguments.items())).args


def terra(more="", **arguments):
    return settings(TERRA + "".join(f"ConfigurableTerraformer.{k} = {v}\n" for k, v in arguments.items()) + more).args


class Models(unittest.TestCase):
    def test_defaults_are_those_of_the_constructor(self):
        args = settings(TERRA).args
        self.assertEqual((args["d_model"], args["d_ff"], args["n_heads"], args["max_len"]), (512, 2048, 8, 2048))
        self.assertEqual((args["d_attention_key"], args["d_attention_value"]), (64, 64))
        self.assertEqual(args["positions"], {"type": "fixed-base"})
        self.assertEqual(args["encoder_attention_type"]["layer"], "SelfAttention")
        self.assertEqual((args["ff_sparsity"], args["ff_use_sru"], args["loss_sparsity_type"]), (None, None, "dense"))
        self.assertEqual(args["n_decoder_attention_layers"], 2)
        self.assertFalse(args["reversible_encoder"])

    def test_the_only_configured_model_is_taken_without_train_model(self):
        self.assertEqual(settings("ReformerLM.vocab_size = 8\n").model, "ReformerLM")
        with self.assertRaisesRegex(ConversionError, "no train.model and it configures ReformerLM, TransformerLM"):
            settings("ReformerLM.vocab_size = 8\nTransformerLM.vocab_size = 8\n")

    def test_the_model_may_be_named_with_modules_and_its_old_name(self):
        text = "trax.train.model = @trax.models.Reformer2\ntrax.models.Reformer2.input_vocab_size = 8\nReformer2.n_heads = 4\n"
        found = settings(text)
        self.assertEqual((found.model, found.args["n_heads"]), ("ConfigurableTerraformer", 4))

    def test_an_unknown_model_is_named(self):
        with self.assertRaisesRegex(ConversionError, "config.gin:1: model HourglassLM is not supported; known"):
            settings("train.model = @HourglassLM\n")

    def test_an_unknown_setting_of_the_model_is_named_with_its_line(self):
        with self.assertRaisesRegex(ConversionError, "config.gin:3: ConfigurableTransformerLM.d_depth is not a setting"):
            lm(d_depth=3)

    def test_a_setting_that_only_another_model_has_is_refused(self):
        with self.assertRaisesRegex(ConversionError, "TransformerLM.ff_sparsity"):
            settings("train.model = @TransformerLM\nTransformerLM.vocab_size = 8\nTransformerLM.ff_sparsity = 4\n")

    def test_a_missing_vocabulary_is_named(self):
        with self.assertRaisesRegex(ConversionError, "does not say ConfigurableTransformerLM.vocab_size"):
            settings("train.model = @ConfigurableTransformerLM\n")

    def test_sizes_that_cannot_be_are_refused(self):
        for arguments, pattern in [({"d_model": "'x'"}, "d_model"), ({"n_layers": -1}, "n_layers"), ({"d_ff": 0}, "d_ff"),
                                   ({"n_heads": 7}, "n_heads = 7 does not divide"), ({"max_len": 2.5}, "max_len")]:
            with self.assertRaisesRegex(ConversionError, pattern):
                lm(**arguments)

    def test_what_only_training_reads_is_accepted_in_silence(self):
        found = settings(LM + "ConfigurableTransformerLM.ff_dropout = 0.3\nConfigurableTransformerLM.ff_chunk_size = 512\n"
                         "ConfigurableTransformerLM.mode = 'eval'\nPositionalEncoding.dropout = 0.2\n")
        self.assertEqual(ignored_settings(found), [])

    def test_settings_of_other_things_are_listed_once(self):
        found = settings(LM + "train.steps = 5\nAdafactor.beta1 = 0.0\nAdafactor.epsilon1 = %missing\n"
                         "SelfAttention.chunk_len = 8\ndata.Batch.batch_size = 4\n")
        self.assertEqual(ignored_settings(found), ["Adafactor (2)", "Batch (1)", "SelfAttention (1)", "train (1)"])


class DerivedForms(unittest.TestCase):
    def test_ff_sparsity_in_all_its_forms(self):
        def sparse(n, rank):
            return {"type": "1inN", "n_elements_in_block": n, "d_lowrank": rank}

        for text, expected in [("0", None), ("''", None), ("8", sparse(8, 16)), ("(8, 24)", sparse(8, 24)),
                               ("[8, 24, 0.1, 0.3]", sparse(8, 24)), ("'4 8'", sparse(4, 8)), ("'4 8 0.2 1.0'", sparse(4, 8))]:
            self.assertEqual(lm(d_ff=128, ff_sparsity=text)["ff_sparsity"], expected)
        for kind in ("Block", "Switch"):
            found = lm(d_ff=128, ff_sparsity=8, ff_sparsity_type=repr(kind))["ff_sparsity"]
            self.assertEqual(found, {"type": kind, "n_experts": 8})

    def test_ff_sparsity_that_does_not_fit_is_refused(self):
        for text in ("7", "(8, 24, 0.1)", "'8 x'", "(0, 4)", "2.5", "True"):
            with self.assertRaisesRegex(ConversionError, "ff_sparsity"):
                lm(d_ff=128, ff_sparsity=text)

    def test_ff_use_sru_as_number_and_pair(self):
        self.assertEqual(lm(ff_use_sru=2)["ff_use_sru"], {"n_layers": 2, "n_units": 32})
        self.assertEqual(lm(ff_use_sru="(1, 16)")["ff_use_sru"], {"n_layers": 1, "n_units": 16})

    def test_a_sparse_loss_without_sparsity_is_dense(self):
        for arguments in ({"loss_sparsity": 0}, {"loss_sparsity": 4, "loss_sparsity_type": None}, {}):
            self.assertEqual(lm(**arguments)["loss_sparsity_type"], "dense")
        self.assertEqual(lm(loss_sparsity=4)["loss_sparsity_type"], "mult")

    def test_positions(self):
        self.assertEqual(lm(pos_type="'no'")["positions"], {"type": "none"})
        self.assertEqual(lm(max_len=9)["positions"], {"type": "learned", "max_len": 9, "d_feature": None})
        axial = lm(pos_type="'axial'", pos_axial_shape="(4, 8)", pos_d_axial_embs="(256, 256)")["positions"]
        self.assertEqual(axial, {"type": "axial", "shape": [4, 8], "d_embs": [256, 256]})
        with self.assertRaisesRegex(ConversionError, "pos_type = 'axail'"):
            lm(pos_type="'axail'")

    def test_random_positions_are_refused_with_the_reason(self):
        for kind in ("infinite", "infinite-affine", "time-bin"):
            with self.assertRaisesRegex(ConversionError, f"'{kind}' is not supported: .*random even when it evaluates"):
                lm(pos_type=repr(kind))

    def test_a_bound_d_feature_is_taken_and_needs_no_shapes(self):
        found = settings(LM + "PositionalEncoding.d_feature = 16\n")
        self.assertEqual((found.args["positions"]["d_feature"], found.needs_shapes), (16, False))

    def test_cross_attention_sparsity_as_number_and_pair(self):
        def cross(value):
            name = "ConfigurableTransformer"
            return settings(f"{name}.input_vocab_size = 8\n{name}.enc_dec_attention_sparsity = {value}\n").args[
                "enc_dec_attention_sparsity"]

        self.assertIsNone(cross(0))
        self.assertEqual(cross(4), {"q_sparsity": 4, "result_sparsity": "noop"})
        self.assertEqual(cross("(None, 8)"), {"q_sparsity": None, "result_sparsity": 8})


class Attention(unittest.TestCase):
    def test_scopes_reach_the_layer_and_what_it_builds(self):
        args = terra(
            "enc/PureLSHSelfAttentionWrapper.pure_lsh_implementation = @PureLSHSelfAttention\n"
            "PureLSHSelfAttentionWrapper.pure_lsh_implementation = @PureLSHSelfAttention\n"
            "PureLSHSelfAttention.n_hashes = 4\nenc/PureLSHSelfAttention.n_chunks_after = 1\n",
            encoder_attention_type="@enc/PureLSHSelfAttentionWrapper",
            encoder_decoder_attention_type="@PureLSHSelfAttentionWrapper")
        encoder, decoder = (args[k]["params"]["pure_lsh_implementation"]["params"]
                            for k in ("encoder_attention_type", "encoder_decoder_attention_type"))
        self.assertEqual((encoder["n_hashes"], encoder["n_chunks_after"]), (4, 1))
        self.assertEqual((decoder["n_hashes"], decoder["n_chunks_after"]), (4, 0))

    def test_a_list_of_layers_stays_a_list_and_must_divide_the_blocks(self):
        args = terra(encoder_decoder_attention_type="(@CausalAttention, @SelfAttention)")
        self.assertEqual([a["layer"] for a in args["encoder_decoder_attention_type"]], ["CausalAttention", "SelfAttention"])
        with self.assertRaisesRegex(ConversionError, "lists 4 layers"):
            terra(encoder_decoder_attention_type=f"[{'@CausalAttention, ' * 4}]")

    def test_no_sparsity_means_the_number_of_heads(self):
        args = terra(encoder_decoder_attention_type="@MultiplicativeCausalAttention", n_heads=4)
        self.assertEqual(args["encoder_decoder_attention_type"]["params"], {"sparsity": 4})

    def test_an_unknown_setting_of_a_layer_in_use_is_named(self):
        with self.assertRaisesRegex(ConversionError, "config.gin:3: SelfAttention.depth is not a setting"):
            terra("SelfAttention.depth = 1\n")

    def test_what_the_model_passes_cannot_be_overridden_and_does_not_show(self):
        args = terra("SelfAttention.n_heads = 3\nSelfAttention.attention_dropout = 0.5\n")
        self.assertNotIn("n_heads", args["encoder_attention_type"]["params"])

    def test_layers_that_cannot_stand_in_a_place_are_refused(self):
        for arguments in ({"encoder_attention_type": "@CausalAttention"}, {"encoder_decoder_attention_type": "@Attention"}):
            with self.assertRaisesRegex(ConversionError, "cannot stand there"):
                terra(**arguments)

    def test_variants_without_an_engine_are_refused_by_name(self):
        for layer, line in [("CausalAttention", "CausalAttention.use_dconv = True"),
                            ("MultiplicativeConvCausalAttention", "MultiplicativeConvCausalAttention.v_concat_type = 'x'"),
                            ("PureLSHSelfAttentionWrapper", "PureLSHSelfAttentionWrapper.pure_lsh_implementation = None"),
                            ("ReversibleAttention", "")]:
            with self.assertRaisesRegex(ConversionError, layer):
                terra(line + "\n", encoder_decoder_attention_type="@" + layer)

    def test_lsh_widths_must_fit_the_model(self):
        with self.assertRaisesRegex(ConversionError, r"n_heads \* d_attention_key = d_model; here it is 8 \* 32, not 512"):
            terra("PureLSHSelfAttentionWrapper.pure_lsh_implementation = @PureLSHSelfAttention\n",
                  encoder_decoder_attention_type="@PureLSHSelfAttentionWrapper", d_attention_key=32)

    def test_settings_of_layers_inside_are_refused_unless_they_are_the_default(self):
        settings(TINY_GIN + "LayerNorm.epsilon = 1e-6\n")
        for line in ("LayerNorm.center = False", "SparseFF.multiply_by_controller_output = True", "SRU.activation = @Tanh"):
            with self.assertRaisesRegex(ConversionError, line.split(" ")[0]):
                settings(TINY_GIN + line + "\n")

    def test_an_activation_without_an_engine_is_refused_by_name(self):
        self.assertEqual(lm(ff_activation="@tl.Gelu")["ff_activation"], "Gelu")
        with self.assertRaisesRegex(ConversionError, "ff_activation: ParametricRelu is not supported"):
            lm(ff_activation="@ParametricRelu")


if __name__ == "__main__":
    unittest.main()
