"""tokenizers of Hugging Face, and eqinfo's tokenizer for their stack."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from contestant import Contestant
from vocabularies import BPE_FILE


def make(folder: Path) -> Contestant:
    """Open a byte-level BPE of our own training."""
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(folder / BPE_FILE))
    return Contestant(
        vocabulary=tokenizer.get_vocab_size(),
        returns="Encoding objects",
        encode=lambda text: tokenizer.encode_batch_fast([text], add_special_tokens=False),
        encode_documents=lambda texts: tokenizer.encode_batch_fast(texts, add_special_tokens=False),
        decode=tokenizer.decode,
        decode_documents=tokenizer.decode_batch,
        decoder_input=lambda encodings: encodings[0].ids,
        documents_decoder_input=lambda encodings: [encoding.ids for encoding in encodings],
        tokens=lambda encodings: len(encodings[0].ids),
    )
