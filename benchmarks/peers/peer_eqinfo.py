"""eqinfo's codebooks through their NumPy interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contestant import Contestant
from eqinfo import Codebook


def make(_: Path, codebook: str, from_bytes: bool = False, **options: Any) -> Contestant:
    """Open a bundled codebook.

    Args:
        codebook: its name.
        from_bytes: pass texts as bytes and documents as (bytes, int64 offsets), not as str.
        options: of the encoders, such as ``parse`` and ``num_threads``.
    """
    table = Codebook.bundled(codebook)
    decoder_options = {key: options[key] for key in options if key == "num_threads"}
    return Contestant(
        vocabulary=len(table),
        returns=f"NumPy {table.dtype}",
        encode=lambda text: table.encode(text, **options),
        encode_documents=lambda texts: table.encode_batch(texts, **options),
        decode=table.decode_bytes,
        decode_documents=lambda batch: table.decode_batch(batch, **decoder_options),
        decoder_input=lambda ids: ids,
        documents_decoder_input=lambda batch: batch,
        prepare=str.encode if from_bytes else str,
        prepare_documents=_flat if from_bytes else list,
    )


def _flat(texts: list[str]) -> tuple[bytes, np.ndarray[Any, np.dtype[np.int64]]]:
    parts = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return b"".join(parts), offsets
