"""The public face: one call, any model, the bundled default, and what is kept between calls."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eqinfo
from eqinfo import api, models
from eqinfo.errors import FormatError, ModelError
from strategies import TEXTS, adversarial_model, texts

# Lewis Carroll, Alice's Adventures in Wonderland, 1865.
ALICE = (
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having "
    "nothing to do: once or twice she had peeped into the book her sister was reading, but it had "
    "no pictures or conversations in it, \u201cand what is the use of a book,\u201d thought Alice "
    "\u201cwithout pictures or conversations?\u201d"
)


def test_english_is_short() -> None:
    tokens = eqinfo.encode(ALICE)
    assert tokens.dtype == np.uint16
    assert len(ALICE.encode()) / len(tokens) > 4.2
    assert eqinfo.decode(tokens) == ALICE


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(texts, st.text().map(str.encode)), max_size=4))
def test_default_round_trip_of_any_bytes(documents: list[bytes]) -> None:
    tokens = eqinfo.encode_batch(documents)
    assert [eqinfo.decode_bytes(document) for document in tokens] == documents
    for token_bits in (1, 8, 11):
        again = eqinfo.encode_batch(documents, token_bits=token_bits)
        assert [eqinfo.decode_bytes(t, token_bits=token_bits) for t in again] == documents


def test_parse_and_threads() -> None:
    codebook = eqinfo.Codebook.bundled("en-dense")
    text = "the shortest parse of a long text has the fewest windows " * 9_000
    shortest = eqinfo.encode(text, "en-dense", parse="shortest")
    assert np.array_equal(shortest, codebook.encode(text, parse="shortest"))
    assert eqinfo.decode(shortest, "en-dense", num_threads=2) == text
    assert np.array_equal(eqinfo.encode(text, num_threads=3), eqinfo.encode(text))
    batch = eqinfo.encode_batch([text, ""], "en-dense", parse="shortest", num_threads=2)
    assert np.array_equal(batch[0], shortest)
    packed = eqinfo.encode(text, "en-dense", token_bits=8, parse="shortest", num_threads=2)
    assert len(packed) == 2 * len(shortest)
    assert eqinfo.decode(packed, "en-dense", token_bits=8, num_threads=2) == text
    with pytest.raises(TypeError, match="a model, found parse, which only codebooks have"):
        eqinfo.encode(text, adversarial_model("random"), parse="shortest")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=4))
def test_batches_of_text(documents: list[str]) -> None:
    assert list(eqinfo.decode_batch(eqinfo.encode_batch(documents))) == documents
    model = adversarial_model("random")
    tokens = eqinfo.encode_batch(documents, model, window_bits=24)
    assert list(eqinfo.decode_batch(tokens, model, window_bits=24)) == documents


def test_any_kind_of_model() -> None:
    model = adversarial_model("random", memory=1)
    expected = eqinfo.encode(ALICE, model, window_bits=32, token_bits=8)
    assert (eqinfo.encode(ALICE, model.logits, window_bits=32, token_bits=8) == expected).all()
    assert eqinfo.decode(expected, model.logits, window_bits=32, token_bits=8) == ALICE
    assert expected.max() < 256
    static = eqinfo.models.StaticModel.fit(ALICE)
    for variant in ("bijective", "padded", "delay"):
        tokens = eqinfo.encode(ALICE, static, window_bits=40, variant=variant, reset_every=2)
        assert (
            eqinfo.decode(tokens, static, window_bits=40, variant=variant, reset_every=2) == ALICE
        )
    default = eqinfo.Codebook.bundled("en")
    assert (eqinfo.encode(ALICE, default) == eqinfo.encode(ALICE)).all()
    assert eqinfo.Codebook.bundled("en") is default


@pytest.mark.parametrize("token_bits", [None, 8, 5])
def test_codebook_of_a_model_gives_the_ids_of_the_model(token_bits: int | None) -> None:
    """On real text, 16-bit windows: the table and the slow path are one code."""
    model = adversarial_model("random", memory=1)
    codebook = eqinfo.Codebook.from_model(model, 16)
    assert len({codebook[i] for i in range(1 << 16)}) == 1 << 16
    options = {} if token_bits is None else {"token_bits": token_bits}
    for text in (ALICE.encode(), *TEXTS):
        slow = eqinfo.encode(text, model, window_bits=16, **options)
        assert (eqinfo.encode(text, codebook, **options) == slow).all()
        assert eqinfo.decode_bytes(slow, codebook, **options) == text


def test_odd_widths_of_a_small_codebook() -> None:
    codebook = eqinfo.Codebook.fit(ALICE, 11)
    for token_bits in (1, 3, 8, 11, 16):
        codec = eqinfo.CodebookCodec(codebook, token_bits)
        assert codec.decode(codec.encode(ALICE)) == ALICE
        assert list(codec.decode_batch(codec.encode_batch([ALICE, ""]))) == [ALICE, ""]
    assert (
        eqinfo.CodebookCodec(codebook, 8).fingerprint != eqinfo.CodebookCodec(codebook).fingerprint
    )
    with pytest.raises(FormatError, match="ends inside a window"):
        eqinfo.CodebookCodec(codebook, 8).decode([1, 2, 3, 4])


def test_threads_share_the_default() -> None:
    expected = eqinfo.encode(ALICE * 100).tolist()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: eqinfo.encode(ALICE * 100).tolist(), range(32)))
    assert all(result == expected for result in results)


@pytest.fixture
def nothing_kept() -> Iterator[None]:
    api._kept_model_codec.cache_clear()
    yield
    api._kept_model_codec.cache_clear()


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("options", [{}, {"variant": "padded"}, {"token_bits": 8, "verify": True}])
def test_what_is_coded_does_not_depend_on_what_is_kept(options: dict[str, object]) -> None:
    pieces = [ALICE[i : i + 40] for i in range(0, 160, 40)]
    model = eqinfo.models.load("en")
    for _ in range(2):
        for piece in pieces:
            fresh = eqinfo.WindowCodec(model, 32, **options)  # type: ignore[arg-type]
            tokens = eqinfo.encode(piece, "en", window_bits=32, **options)  # type: ignore[misc]
            assert tokens.tolist() == fresh.encode(piece).tolist()
            found = eqinfo.decode(tokens, "en", window_bits=32, **options)  # type: ignore[misc]
            assert found == piece
    assert api._kept_model_codec.cache_info().misses == 1


@pytest.mark.usefixtures("nothing_kept")
def test_codecs_are_kept_by_name_and_options() -> None:
    eqinfo.encode("a", "en", window_bits=32, token_bits=8)
    kept = api._kept_model_codec
    eqinfo.encode("b", "en", token_bits=8, window_bits=32)
    assert (kept.cache_info().hits, kept.cache_info().misses) == (1, 1)
    with pytest.raises(TypeError):
        eqinfo.encode("b", "en", token_bits=8.0, window_bits=32)  # type: ignore[arg-type]
    before = api._kept_codebook_codec.cache_info()
    for _ in range(3):
        eqinfo.encode("a", "en-dense", num_threads=2)
    assert api._kept_codebook_codec.cache_info().hits >= before.hits + 2
    # What a caller gets is not shared: its attributes may be set.
    assert eqinfo.window_codec("en") is not eqinfo.window_codec("en")


@pytest.mark.usefixtures("nothing_kept")
def test_few_codecs_are_kept_and_none_of_a_model_that_is_given() -> None:
    for window_bits in range(24, 24 + 2 * api.KEPT_CODECS):
        eqinfo.encode("a", "en", window_bits=window_bits)
    assert api._kept_model_codec.cache_info().currsize == api.KEPT_CODECS
    model = adversarial_model("random")
    alive = weakref.ref(model)
    assert eqinfo.decode(eqinfo.encode("text", model), model) == "text"
    codebook = eqinfo.Codebook.fit(ALICE, 9)
    codebook_alive = weakref.ref(codebook)
    assert eqinfo.decode(eqinfo.encode("text", codebook), codebook) == "text"
    del model, codebook
    gc.collect()
    assert alive() is None
    assert codebook_alive() is None


@pytest.mark.usefixtures("nothing_kept")
def test_kept_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "KEPT_MEMORY", 100_000)
    memory = []
    for i in range(0, len(ALICE), 20):
        piece = ALICE[i : i + 20]
        tokens = eqinfo.encode(piece, "en", window_bits=32)
        assert eqinfo.decode(tokens, "en", window_bits=32) == piece
        statistics = api._kept_model_codec("en", window_bits=32).statistics
        assert statistics is not None
        memory.append(statistics.memory_bytes)
    assert 0 < max(memory) <= 100_000
    # Dropped once it had become too large, and begun anew.
    assert any(later < earlier for earlier, later in pairwise(memory))


@pytest.mark.usefixtures("nothing_kept")
def test_threads_share_kept_codecs() -> None:
    pieces = [ALICE[i : i + 30] for i in range(0, 180, 15)] * 3
    codec = eqinfo.WindowCodec(eqinfo.models.load("en"), 32)
    expected = [codec.encode(piece).tolist() for piece in pieces]

    def code(piece: str) -> list[int]:
        tokens = eqinfo.encode(piece, "en", window_bits=32)
        assert eqinfo.decode(tokens, "en", window_bits=32) == piece
        return tokens.tolist()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(code, pieces)) == expected
    assert api._kept_model_codec.cache_info().currsize == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_begins_with_nothing_kept() -> None:
    program = (
        "import os, eqinfo.api as api\n"
        "tokens = api.encode('text', 'en', window_bits=32)\n"
        "api._kept_model_codec('en', window_bits=32)._coder._lock.__enter__()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os._exit(api.decode(tokens, 'en', window_bits=32) != 'text')\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    "name", ["eqinfo", "eqinfo.codebook", "eqinfo.tokenizer", "eqinfo._core", "eqinfo._cuda"]
)
def test_subinterpreters_are_refused(name: str) -> None:
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    program = (
        f"import {module} as s\n"
        "i = s.create()\n"
        f"program = 'try: import {name}\\nexcept ImportError as e: print(e, flush=True)'\n"
        "(s.run_string if hasattr(s, 'run_string') else s.exec)(i, program)\n"
        "import eqinfo\n"
        "print(eqinfo.decode(eqinfo.encode('text')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    if "No module named '_" in done.stderr:
        pytest.skip("this Python has no subinterpreters")
    refused, text = done.stdout.splitlines()
    assert refused.startswith("eqinfo cannot be imported in a subinterpreter; use")
    assert text == "text"


class Module:
    """Looks like a module of PyTorch."""

    def __call__(self) -> None: ...

    def forward(self) -> None: ...


class Pretrained(Module):
    """Looks like a model of transformers."""

    config = None
    vocab_size = 50257


def test_what_is_not_a_model_is_named_with_what_to_do() -> None:
    codebook = eqinfo.Codebook.bundled("en")
    for codec in (eqinfo.WindowCodec, eqinfo.ArithmeticCodec):
        for wrong, message in (
            ("en", r"found str; use eqinfo\.models\.load"),
            (codebook, "found Codebook; use CodebookCodec"),
            (Pretrained(), r"found Pretrained; wrap it as eqinfo\.models\.HFModel\(\.\.\.\)"),
            (Module(), r"found Module; wrap it as eqinfo\.models\.TorchModel\(\.\.\.\)"),
            (len, r"wrap it as eqinfo\.models\.FunctionModel"),
            (3, "found int; see eqinfo.models"),
        ):
            with pytest.raises(TypeError, match=message):
                codec(wrong)  # type: ignore[arg-type]
    for module, adapter in ((Pretrained(), "HFModel"), (Module(), "TorchModel")):
        with pytest.raises(TypeError, match=adapter):
            eqinfo.encode("s", module)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"found str; use Codebook\.bundled"):
        eqinfo.CodebookCodec("en")  # type: ignore[arg-type]


def test_names_and_texts_in_the_place_of_numbers() -> None:
    with pytest.raises(TypeError, match=r"found str; use eqinfo\.models\.load"):
        eqinfo.models.NativeModel("en")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"found str; use StaticModel\.fit"):
        eqinfo.models.StaticModel("some text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected integer ids, found str$"):
        eqinfo.decode("some text")  # type: ignore[arg-type]


def test_files_in_the_place_of_names() -> None:
    for call in (eqinfo.Codebook.bundled, lambda name: eqinfo.encode("a", name)):
        with pytest.raises(ValueError, match=r"found 'own\.codebook'; use Codebook\.load"):
            call("own.codebook")
    for call in (models.load, lambda name: eqinfo.encode("a", name, window_bits=32)):
        with pytest.raises(ValueError, match=r"found 'own\.model'; use NativeModel\.load"):
            call("own.model")
    with pytest.raises(TypeError, match=r"found PosixPath; use Codebook\.load"):
        eqinfo.encode("a", Path("own.codebook"))  # type: ignore[arg-type]


WITH_A_MODEL: tuple[Callable[[Any], object], ...] = (
    eqinfo.WindowCodec,
    eqinfo.ArithmeticCodec,
    eqinfo.Codebook.from_model,
    eqinfo.Codebook.optimal,
    models.numeric_fingerprint,
    lambda model: models.check_numeric_fingerprint(model, ""),
    lambda model: models.ideal_bits(model, "a"),
    lambda model: models.symbol_information(model, [b"a"]),  # type: ignore[list-item]
)


def test_classes_in_the_place_of_models() -> None:
    class Own:
        vocab_size = 256

        def step(self) -> None: ...

    for call in (lambda model: eqinfo.encode("a", model), *WITH_A_MODEL):
        with pytest.raises(TypeError, match=r"^expected a model, found the class Own; .*: Own\("):
            call(Own)
    with pytest.raises(TypeError, match=r"^expected a model, found the class str; "):
        eqinfo.encode("a", str)


def test_what_is_no_model() -> None:
    others: dict[str, Any] = {
        "str; use eqinfo.models.load": "en",
        "function; wrap it as eqinfo.models.FunctionModel": lambda contexts, lengths: None,
        "Codebook; use CodebookCodec": eqinfo.Codebook.bundled("en-4k"),
    }
    for found, other in others.items():
        for call in WITH_A_MODEL:
            with pytest.raises(TypeError, match=f"^expected a model, found {found}"):
                call(other)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (
            lambda _, n: np.zeros((len(n), 256)),
            r"64; give np\.asarray\(logits, np\.float32\)$",
        ),
        (
            lambda _, n: [[0.0] * 256] * len(n),
            r"list; give np\.asarray\(logits, np\.float32\)$",
        ),
        (lambda _, n: np.zeros((len(n), 100), np.float32), r"100\); .* here vocab_size=100$"),
        (lambda _, n: np.zeros((len(n), 1, 256), np.float32), r"shape \(1, 1, 256\)$"),
    ],
)
def test_messages_say_what_logits_to_give(logits: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        eqinfo.encode("a", logits)
    with pytest.raises(ModelError, match=message):
        eqinfo.encode("a", logits, reset_every=0)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("window_bits", [16, 32])
def test_signed_tokens_decode(dtype: Any, window_bits: int) -> None:
    """Training computes with them, and a model's samples have them."""
    text = "some text"
    tokens = eqinfo.encode(text, window_bits=window_bits)
    if dtype is np.int16:
        tokens = tokens[:0]
        text = ""
    signed = tokens.astype(dtype)
    assert eqinfo.decode(signed, window_bits=window_bits) == text
    assert [*eqinfo.decode_batch(np.stack([signed] * 2), window_bits=window_bits)] == [text] * 2
    with pytest.raises(ValueError, match=r"^(id|token) 0: expected 0 to 65535, found -1$"):
        eqinfo.decode(np.array([-1], dtype), window_bits=window_bits)


@pytest.mark.parametrize("memory", [bytearray, memoryview, partial(array, "B")])
def test_bytes_in_memory_are_no_ids(memory: Callable[[bytes], Any]) -> None:
    """They are most likely the bytes of wider ids."""
    with pytest.raises(TypeError, match="expected uint16 ids, found uint8"):
        eqinfo.decode(memory(b"ab"))
    with pytest.raises(TypeError, match="expected uint16 tokens, found uint8"):
        eqinfo.decode_batch([memory(b"ab")], window_bits=32)
    ids = eqinfo.encode("some text")
    assert eqinfo.decode(memoryview(ids)) == "some text"  # type: ignore[arg-type]


def test_names_that_are_nearly_right() -> None:
    for model in ("en", eqinfo.models.StaticModel.fit("abc")):
        with pytest.raises(TypeError, match=r"option window_bit; did you mean window_bits\?"):
            eqinfo.encode("s", model, window_bit=32)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unknown option qqq; there are lanes, num_threads,"):
        eqinfo.encode("s", qqq=32)  # type: ignore[call-arg]
    with pytest.raises(FileNotFoundError, match=r"did you mean Codebook\.bundled\('en'\)\?"):
        eqinfo.Codebook.load("en")
    with pytest.raises(FileNotFoundError, match=r"did you mean eqinfo\.models\.load\('en'\)\?"):
        eqinfo.models.NativeModel.load("en")
    for window_bits in (8, 20):
        with pytest.raises(ValueError, match="By name, up to 20 bits mean the codebook, more mean"):
            eqinfo.encode("s", "en", window_bits=window_bits)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"bundled codebook among en, en-dense, .*found 'fr'"):
        eqinfo.encode("x", "fr")
    with pytest.raises(TypeError, match="a model or a logits function, found int"):
        eqinfo.encode("x", 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="window_bits of 16, which the codebook has, found 32"):
        eqinfo.encode("x", eqinfo.Codebook.bundled("en"), window_bits=32)
    with pytest.raises(
        TypeError, match="options of a codebook, found precision, variant: these were fixed"
    ):
        eqinfo.encode("x", variant="padded", precision=12)
    with pytest.raises(ValueError, match=r"lone surrogate U\+DFFF at index 1"):
        eqinfo.encode("x\udfff")
    with pytest.raises(TypeError, match="expected str or bytes, found NoneType"):
        eqinfo.encode(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"uint16 .*, found float32"):
        eqinfo.decode(np.zeros(3, np.float32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="id 0: expected 0 to 65535, found -1"):
        eqinfo.decode([-1])
    with pytest.raises(ValueError, match="token 0: expected 0 to 65535, found -1"):
        eqinfo.decode([-1], token_bits=8)
    with pytest.raises(ValueError, match=r"bundled model .*found 'fr'"):
        eqinfo.encode("x", "fr", window_bits=32)
    with pytest.raises(ValueError, match="a parse of 'greedy' or 'shortest', found "):
        eqinfo.encode("x", parse=["greedy"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="token_bits of 1 to 16, found 0"):
        eqinfo.encode("x", token_bits=0)
