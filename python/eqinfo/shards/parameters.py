"""What decides about the bytes of the shards, besides the input and the codebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

InputFormat = Literal["text", "jsonl", "parquet"]
OutputFormat = Literal["bin", "parquet"]


@dataclass(frozen=True)
class Parameters:
    """How documents are read and shards are cut; see ``docs/shards.md``.

    Args:
        input_format: None: by the names of the files, which must then agree.
        text_field: the JSON field or Parquet column with the text.
        separator: what stands between two documents of a text file; None: a file is a document.
        output_format: ``bin`` (tokens and offsets, both flat) or ``parquet`` (a row a document).
        shard_bytes: input bytes of a shard, about; a document is never cut.
        end_of_document: whether id 0, the empty string, follows each document.

    Raises:
        ValueError: an empty separator, or shard_bytes below 1.
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
            raise ValueError("expected a separator of at least one byte, found an empty one")
        if self.shard_bytes < 1:
            raise ValueError(f"expected shard_bytes of at least 1, found {self.shard_bytes}")
