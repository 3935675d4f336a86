"""One exception tree. A message says what was given, what is wanted and what to do, in one sentence or two."""


class StylespaceError(Exception):
    """Base of every error that Stylespace raises on purpose. The command line prints it and exits with 1."""


class InputError(StylespaceError, ValueError):
    """A value, option or combination of options that cannot be used."""


class PictureError(StylespaceError, ValueError):
    """A file or object that cannot be read as a picture, or a picture that cannot be written."""


class WeightsError(StylespaceError, RuntimeError):
    """Encoder or network weights that are missing, damaged, or not what they should be."""


class MissingExtraError(StylespaceError, ImportError):
    """An optional dependency that is not installed."""
