"""Hugging Face's tokenizers, and eqinfo's tokenizer for transformers."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from contestant import Contestant
from vocabularies import BPE_FILE


def make(folder: Path, codebook: str | None = None) -> Contestant:
    """Open a byte-level BPE that we trained, or an eqinfo codebook."""
    if codebook is not None:
        return _eqinfo(codebook)
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


def _eqinfo(codebook: str) -> Contestant:
    tokenizer = import_module("eqinfo.tokenizer").from_codebook(codebook)

    def encode(texts: str | list[str]) -> Any:
        return tokenizer(texts, return_attention_mask=False)["input_ids"]

    return Contestant(
        vocabulary=len(tokenizer),
        returns="list[int], as transformers gives it",
        encode=encode,
        encode_documents=encode,
        decode=tokenizer.decode,
        decode_documents=tokenizer.batch_decode,
        decoder_input=lambda ids: ids,
        documents_decoder_input=lambda documents: documents,
    )
