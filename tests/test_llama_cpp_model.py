"""LlamaCppModel on a tiny random GGUF file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eqinfo import ArithmeticCodec, WindowCodec
from eqinfo.errors import ModelError
from eqinfo.models import FRESH

REASON = "needs the extra llama, and gguf"
gguf = pytest.importorskip("gguf", reason=REASON)
pytest.importorskip("llama_cpp", reason=REASON)

from eqinfo.models import LlamaCppModel  # noqa: E402

WORDS = ["\u2581", "t", "h", "e", "\u2581t", "he", "\u2581the", "a", "b"]
TEXTS = ["", "a", "the window the window", "naïve \0 漢字 🙂", "</s>", " x", "\n\n lines"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of one layer with a vocabulary of SentencePiece's kind."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *WORDS]
    kinds = gguf.TokenType
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256]
    types += [kinds.NORMAL] * len(WORDS)
    writer = gguf.GGUFWriter(path, "llama")
    width, heads, hidden = 32, 2, 64
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(len(pieces))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores([-float(i) for i in range(len(pieces))])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    rng = np.random.default_rng(0)
    shapes = {
        "token_embd": (len(pieces), width), "output": (len(pieces), width),
        "blk.0.attn_q": (width, width), "blk.0.attn_k": (width, width),
        "blk.0.attn_v": (width, width), "blk.0.attn_output": (width, width),
        "blk.0.ffn_gate": (hidden, width), "blk.0.ffn_up": (hidden, width),
        "blk.0.ffn_down": (width, hidden),
    }  # fmt: skip
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.normal(0, 0.5, shape).astype(np.float32))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_text_comes_back_beside_any_neighbours(path: Path) -> None:
    model = LlamaCppModel(path, context_length=32)
    assert model.vocab_size == 259 + len(WORDS)
    for codec in (ArithmeticCodec(model, lanes=3), WindowCodec(model, 32, 8, lanes=5)):
        tokens = codec.encode_batch(TEXTS)
        assert [codec.decode(t) for t in tokens] == TEXTS
        reordered = codec.encode_batch(TEXTS[::-1])
        assert [t.tolist() for t in reordered] == [t.tolist() for t in tokens][::-1]
    data = bytes(range(256)) + b"\xff the window"
    assert codec.decode_bytes(codec.encode(data)) == data
    assert len(model.tokenize(b"the the")) == 3  # t, he,  the
    assert model.fingerprint == LlamaCppModel(path).fingerprint


def test_contexts_slide_and_can_be_reset(path: Path) -> None:
    model = LlamaCppModel(path, context_length=10)
    state, lane = model.start(2), np.zeros(1, np.int64)
    fresh = model.step(state, np.array([FRESH], np.int32), lane)
    rows = [model.step(state, np.array([s], np.int32), lane)[0] for s in range(50, 90)]
    # The tenth symbol finds nine before it, and the context full: five are kept, itself included.
    other = model.start(1)
    model.step(other, np.array([FRESH], np.int32), lane)
    again = [model.step(other, np.array([s], np.int32), lane)[0] for s in range(55, 60)]
    assert np.allclose(rows[9], again[4], atol=1e-4)
    assert not np.allclose(rows[8], again[3], atol=1e-4)
    model.reset(state, lane)
    assert (model.step(state, np.array([FRESH], np.int32), lane) == fresh).all()
    assert (model.step(state, np.array([50], np.int32), lane)[0] == rows[0]).all()
    # The first symbol may come without a prediction before it.
    model.reset(state, lane)
    assert (model.step(state, np.array([50], np.int32), lane)[0] == rows[0]).all()


def test_bad_files_and_arguments(path: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LlamaCppModel(tmp_path / "missing.gguf")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"broken.gguf: expected a GGUF .* llama.cpp cannot read"):
        LlamaCppModel(broken)
    with pytest.raises(ValueError, match=r"context_length of 4 to 64, .* found 65"):
        LlamaCppModel(path, context_length=65)
    with pytest.raises(ValueError, match=r"a begin of 0 to \d+, found -1"):
        LlamaCppModel(path, begin=-1)
    with pytest.raises(ModelError, match=r"room for 1000 lanes of .* found too many"):
        LlamaCppModel(path).start(1000)
