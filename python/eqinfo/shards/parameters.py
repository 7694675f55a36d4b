"""The settings that, with the input and the codebook, determine the bytes of the shards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from eqinfo.common.choices import check_choice
from eqinfo.common.inputs import InputFormat
from eqinfo.common.integers import keep_integers

OutputFormat = Literal["bin", "parquet"]


@dataclass(frozen=True)
class ShardParameters:
    """How documents are read and shards are cut; see ``docs/shards.md``.

    Args:
        input_format: format of all input files. None: that of each file, by its name and content.
        text_field: the JSON field, or the column of a table, that holds the text.
        separator: what separates the documents of a text file. None: each file is one document.
        output_format: ``bin`` (flat files of tokens and offsets) or ``parquet`` (one row per
            document).
        shard_bytes: approximate bytes of input per shard; documents are never cut.
        end_of_document: whether an id that stands for no text follows each document: id 0, the
            empty string, of a codebook; the first unused id of another method.

    Raises:
        TypeError: text_field or the separator is no str, or shard_bytes no integer.
        ValueError: a format that does not exist, an empty separator, a lone surrogate in it or in
            text_field, or shard_bytes below 1.
    """

    input_format: InputFormat | None = None
    text_field: str = "text"
    separator: str | None = None
    output_format: OutputFormat = "bin"
    shard_bytes: int = 1 << 28
    end_of_document: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        check_choice("input_format", self.input_format, (None, *get_args(InputFormat)))
        check_choice("output_format", self.output_format, get_args(OutputFormat))
        for name, value in (("text_field", self.text_field), ("separator", self.separator or "")):
            if not isinstance(value, str):
                raise TypeError(f"expected a str for {name}, found {type(value).__name__}")
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"expected text for {name}, found {value!r}, whose character {error.start} is "
                    "a lone surrogate: bytes that are no text cannot be given"
                ) from None
        if self.separator == "":
            raise ValueError("expected a separator of at least one character, found an empty one")
        keep_integers(self, "shard_bytes")
        if self.shard_bytes < 1:
            raise ValueError(f"expected shard_bytes of at least 1, found {self.shard_bytes}")


def parameters_of(parameters: ShardParameters | None) -> ShardParameters:
    """Return the parameters that were given, or the defaults.

    Raises:
        TypeError: neither parameters nor None.
    """
    if parameters is None:
        return ShardParameters()
    if not isinstance(parameters, ShardParameters):
        raise TypeError(f"expected ShardParameters, found {type(parameters).__name__}")
    return parameters
