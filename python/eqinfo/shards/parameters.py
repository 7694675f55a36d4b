"""The settings that, with the input and the codebook, determine the bytes of the shards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eqinfo.common.inputs import InputFormat
from eqinfo.common.integers import keep_integers

OutputFormat = Literal["bin", "parquet"]


@dataclass(frozen=True)
class ShardParameters:
    """How documents are read and shards are cut; see ``docs/shards.md``.

    Args:
        input_format: format of all input files. None: that of each file, by its name and content.
        text_field: the JSON field or Parquet column that holds the text.
        separator: what separates the documents of a text file. None: each file is one document.
        output_format: ``bin`` (flat files of tokens and offsets) or ``parquet`` (one row per
            document).
        shard_bytes: approximate bytes of input per shard; documents are never cut.
        end_of_document: whether an id that stands for no text follows each document: id 0, the
            empty string, of a codebook; the first unused id of another method.

    Raises:
        TypeError: shard_bytes is not an integer.
        ValueError: the separator is empty, or shard_bytes is below 1.
    """

    input_format: InputFormat | None = None
    text_field: str = "text"
    separator: str | None = None
    output_format: OutputFormat = "bin"
    shard_bytes: int = 1 << 28
    end_of_document: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        if self.separator == "":
            raise ValueError("expected a separator of at least one character, found an empty one")
        keep_integers(self, "shard_bytes")
        if self.shard_bytes < 1:
            raise ValueError(f"expected shard_bytes of at least 1, found {self.shard_bytes}")
