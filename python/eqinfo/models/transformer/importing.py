"""Models of other programs as transformers in integers: `import_model`."""

from __future__ import annotations

import os
from pathlib import Path

from eqinfo.common.progress import Progress
from eqinfo.models.transformer.model import TransformerModel


def import_model(
    source: str | os.PathLike[str],
    *,
    input_bits: int = 8,
    begin: int | None = None,
    progress: Progress | None = None,
) -> TransformerModel:
    """Return a language model of Llama's kind in integers (Llama, SmolLM2, Mistral, Qwen2).

    Args:
        source: a GGUF file, or a Hugging Face folder with ``config.json``, ``tokenizer.json`` and
            safetensors.
        input_bits: bits of the rows that matrices take, 8 or 15.
        begin: the symbol before the first. Default: the model's begin-of-text id, or else its
            end-of-text id.
        progress: called with the number of layers done and of all.

    Raises:
        FormatError: not such a file or folder, or something is missing in it.
        UnsupportedError: an architecture, a tokenizer or a tensor that this release does not know
            (the message names it), or a package of the extra ``llm`` is not installed.
        OSError: a file cannot be read.
        ValueError: ``input_bits`` or ``begin`` is out of range.
    """
    if Path(source).is_dir():
        from eqinfo.models.transformer.hugging_face import import_folder

        return import_folder(source, input_bits=input_bits, begin=begin, progress=progress)
    from eqinfo.models.transformer.gguf import import_gguf

    return import_gguf(source, input_bits=input_bits, begin=begin, progress=progress)
