"""Exceptions of the package; wrong arguments are plain ``ValueError`` and ``TypeError``."""


class EqInfoError(Exception):
    """Base of every error that the package raises about data, models and files."""


class FormatError(EqInfoError, ValueError):
    """What no encoder of this package writes: truncated, altered or foreign tokens or files."""


class ForeignFileError(FormatError):
    """A file of another kind."""


class TruncatedError(FormatError):
    """A file that ends before what it announces."""


class TrailingDataError(FormatError):
    """A complete file, and then something else."""


class ChecksumError(FormatError):
    """Content that does not have the checksum or fingerprint written beside it."""


class ModelMismatchError(EqInfoError):
    """Data that was written with another model, codebook or numeric behaviour."""


class NumericMismatchError(ModelMismatchError):
    """The model that wrote the data, but it computes otherwise here."""


class OutputLimitError(EqInfoError):
    """Data that would decode to more bytes than the caller allows."""


class ModelError(EqInfoError, ValueError):
    """Predictions that cannot be used: NaN, +infinity, a wrong shape, dtype or device."""


class UnsupportedError(EqInfoError):
    """A later format version, or a feature that this build or machine lacks."""


class NewerVersionError(UnsupportedError):
    """A file of a version that only a later release reads."""


class DeviceError(EqInfoError):
    """A GPU could not do it: memory of another device, a launch that failed, no memory left."""
