"""Exceptions of the package. Wrong arguments raise plain ``ValueError`` or ``TypeError``."""

__all__ = [
    "ChecksumError",
    "DeviceError",
    "EqInfoError",
    "ForeignFileError",
    "FormatError",
    "ModelError",
    "ModelMismatchError",
    "NewerVersionError",
    "NumericMismatchError",
    "OutputLimitError",
    "TrailingDataError",
    "TruncatedError",
    "UnsupportedError",
]


class EqInfoError(Exception):
    """Base class of all errors that the package raises about data, models and files."""


class FormatError(EqInfoError, ValueError):
    """Tokens or files that no encoder of this package writes: truncated, altered or foreign."""


class ForeignFileError(FormatError):
    """A file of another kind than the one expected."""


class TruncatedError(FormatError):
    """A file that ends before the end of what it announces."""


class TrailingDataError(FormatError):
    """A complete file that is followed by something else."""


class ChecksumError(FormatError):
    """Content that does not match the checksum or fingerprint stored with it."""


class ModelMismatchError(EqInfoError):
    """Data that was written with another model, codebook or dictionary, or other arithmetic."""


class NumericMismatchError(ModelMismatchError):
    """The same model as the one that wrote the data, but it gives different numbers here."""


class OutputLimitError(EqInfoError):
    """Data that would decode to more bytes than the caller allows."""


class ModelError(EqInfoError, ValueError):
    """Predictions that cannot be used: NaN, +infinity, or a wrong shape, dtype or device."""


class UnsupportedError(EqInfoError):
    """A later format version, or a feature that this build or this machine lacks."""


class NewerVersionError(UnsupportedError):
    """A file of a format version that only a later release of the package reads."""


class DeviceError(EqInfoError):
    """A GPU call failed: memory of another device, a failed launch, or no memory left."""
