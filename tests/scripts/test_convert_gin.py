"""Gin files as Trax writes them, and the errors of those that it does not."""

import unittest

from convert_helpers import ConversionError, ConverterTest, parse_gin

from trax_convert.gin import Reference, read_gin


def macro(text, name):
    gin = parse_gin(text)
    return gin.resolve(gin.macros[name])


class Values(unittest.TestCase):
    def test_numbers_strings_and_constants(self):
        for text, value in [("1", 1), ("-3", -3), ("1e-5", 1e-5), (".5", 0.5), ("2.", 2.0), ("1_000", 1000), ("0x10", 16),
                            ("'a\\'b'", "a'b"), ('"x" "y"', "xy"), ("r'a\\b'", "a\\b"), ("'''p\nq'''", "p\nq"),
                            ("None", None), ("True", True), ("False", False)]:
            with self.subTest(text):
                self.assertEqual(macro(f"x = {text}\n", "x"), value)

    def test_containers_nest_and_run_over_lines(self):
        text = "x = [1, (2, 3,), # why\n  {'a': [None], 'b': ()},\n]\n"
        self.assertEqual(macro(text, "x"), [1, (2, 3), {"a": [None], "b": ()}])

    def test_parentheses_alone_are_no_tuple(self):
        self.assertEqual(macro("x = (\n 4\n)", "x"), 4)
        self.assertEqual(macro("x = (4,)", "x"), (4,))

    def test_a_backslash_continues_a_line(self):
        self.assertEqual(macro("x = \\\n  7", "x"), 7)

    def test_macros_are_resolved_where_they_are_used_even_inside_containers(self):
        self.assertEqual(macro("x = (%y, [%z])\ny = %z\nz = 3\n", "x"), (3, [3]))

    def test_references_lose_their_module_and_keep_their_scope(self):
        self.assertEqual(macro("x = @trax.layers.Relu", "x"), Reference((), "Relu"))
        self.assertEqual(macro("x = @encoder/tl.LSHSelfAttention", "x"), Reference(("encoder",), "LSHSelfAttention"))
        self.assertEqual(macro("x = @data.Batch()", "x"), Reference((), "Batch", True))

    def test_a_comment_character_inside_a_string_is_text(self):
        self.assertEqual(macro("x = 'a # b'  # c", "x"), "a # b")


class Bindings(unittest.TestCase):
    def test_module_paths_do_not_matter(self):
        gin = parse_gin("trax.models.ReformerLM.d_model = 8\n")
        self.assertEqual(gin.arguments("ReformerLM")["d_model"].value, 8)

    def test_the_last_binding_wins(self):
        self.assertEqual(parse_gin("A.b = 1\nA.b = 2\n").arguments("A")["b"].value, 2)

    def test_a_scope_adds_to_what_holds_everywhere(self):
        gin = parse_gin("A.b = 1\nA.c = 1\nenc/A.b = 2\nenc/deep/A.b = 3\n")
        values = {scope: {k: v.value for k, v in gin.arguments("A", scope).items()}
                  for scope in [(), ("enc",), ("enc", "deep"), ("other",)]}
        self.assertEqual(values[()], {"b": 1, "c": 1})
        self.assertEqual(values["enc",], {"b": 2, "c": 1})
        self.assertEqual(values["enc", "deep"], {"b": 3, "c": 1})
        self.assertEqual(values["other",], {"b": 1, "c": 1})

    def test_imports_are_not_followed(self):
        self.assertEqual(parse_gin("import os.path\nfrom a import b\nimport x as y\n").bindings, {})


class Errors(ConverterTest):
    def refused(self, text, pattern):
        with self.assertRaisesRegex(ConversionError, pattern):
            macro(text, "x")

    def test_errors_name_the_line(self):
        self.refused("a = 1\nx = [1 2]\n", r"config.gin:2: expected ',' or '\]', found '2'")
        self.refused("x = \n", "config.gin:1: expected a value, found the end of the line")
        self.refused("x = 1 2\n", "config.gin:1: expected the end of the line, found '2'")
        self.refused("x 1\n", "config.gin:1: expected '=' after x")
        self.refused("x = f(1)\n", "config.gin:1: expected a value, found 'f'")
        self.refused("x = [1,\n", "config.gin:2")
        self.refused("x = 'abc\n", "config.gin:1: cannot read this as gin")

    def test_a_web_page_is_not_gin(self):
        self.refused("<!DOCTYPE html>\n", "config.gin:1: cannot read this as gin")

    def test_a_macro_without_a_value_is_named(self):
        self.refused("x = %vocab_size\n", "config.gin:1: macro %vocab_size has no value")

    def test_a_macro_that_refers_to_itself_is_refused(self):
        self.refused("x = %y\ny = %x\n", "refers to itself")

    def test_included_files_are_found_beside_the_file(self):
        self.write("base.gin", "A.b = 1\nA.c = 2\n")
        gin = read_gin(self.write("config.gin", "include 'base.gin'\nA.b = 3\n"))
        self.assertEqual({k: v.value for k, v in gin.arguments("A").items()}, {"b": 3, "c": 2})

    def test_a_missing_include_is_named(self):
        with self.assertRaisesRegex(ConversionError, "cannot read the gin file .*base.gin"):
            read_gin(self.write("config.gin", "include 'base.gin'\n"))

    def test_files_that_include_each_other_are_refused(self):
        self.write("a.gin", "include 'b.gin'\n")
        self.write("b.gin", "include 'a.gin'\n")
        with self.assertRaisesRegex(ConversionError, "includes itself"):
            read_gin(self.path("a.gin"))

    def test_a_binary_file_is_not_text(self):
        with self.assertRaisesRegex(ConversionError, "not text"):
            read_gin(self.write("config.gin", b"\x80\xff\x00"))


if __name__ == "__main__":
    unittest.main()
