"""The one exception of the converter: what was found, what was expected, and where."""


class ConversionError(Exception):
    """A checkpoint, a gin file or a tokenizer that cannot be converted; its text is for the user."""
