"""What a short-lived process does not wait for: imports that it does not need, and tries."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import codebook_cases as cases
import eqinfo
from eqinfo.codebook import BUNDLED, Codebook
from eqinfo.codebook import file as codebook_file
from eqinfo.reference import codebook as reference

TABLES = {
    **cases.tables(),
    "17 bits": cases.sparse(3, 17, b"abcdefgh", 9),
}
EAGER = {name: cases.from_strings(strings) for name, strings in TABLES.items()}
FILES = {name: codebook.to_bytes() for name, codebook in EAGER.items()}
# More than codebooks parse before they build their tries.
LONG = cases.TEXT * 600


def lazy(name: str) -> Codebook:
    return Codebook._from_file(FILES[name], name, lazy=True)


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=30, deadline=None)
@given(text=st.one_of(st.binary(max_size=60), st.text("abcdefgh the", max_size=90).map(str.encode)))
def test_the_first_texts_have_the_ids_of_the_trie(name: str, text: bytes) -> None:
    found = lazy(name).encode(text)
    assert found.dtype == EAGER[name].dtype
    assert found.tolist() == reference.encode(TABLES[name], text)
    np.testing.assert_array_equal(found, EAGER[name].encode(text))


@pytest.mark.parametrize("name", TABLES)
def test_ids_are_the_same_before_and_after_the_trie_is_built(name: str) -> None:
    codebook = lazy(name)
    texts = [cases.TEXT, b"", b"daisies", "na\u00efve \U0001f40d".encode(), b"a" * 3000]
    wanted = [EAGER[name].encode(text).tolist() for text in texts]
    for _ in range(len(LONG) // len(cases.TEXT)):
        assert [ids.tolist() for ids in codebook.encode_batch(texts)] == wanted
        assert codebook.encode(texts[3].decode()).tolist() == wanted[3]
    np.testing.assert_array_equal(codebook.encode(LONG), EAGER[name].encode(LONG))


@pytest.mark.parametrize(
    "first",
    [
        lambda codebook: codebook.encode(LONG).tolist(),
        lambda codebook: codebook.encode(LONG.decode()).tolist(),
        lambda codebook: codebook.encode(cases.TEXT, parse="shortest").tolist(),
        lambda codebook: [ids.tolist() for ids in codebook.encode_stream([b"daisy", b"-chain"])],
        lambda codebook: codebook.decode_bytes(codebook.encode(cases.TEXT)),
        lambda codebook: [codebook[i] for i in range(0, len(codebook), 7)],
        lambda codebook: {k: v.tobytes() for k, v in codebook.native_tables().items()},
        lambda codebook: pickle.loads(pickle.dumps(codebook)).encode(cases.TEXT).tolist(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["sparse prose", "17 bits"])
def test_whatever_a_codebook_does_first(name: str, first) -> None:  # type: ignore[no-untyped-def]
    assert first(lazy(name)) == first(EAGER[name])


def test_threads_that_need_the_trie_at_once() -> None:
    wanted = EAGER["sparse prose"].encode(LONG)
    for _ in range(5):
        codebook = lazy("sparse prose")
        with ThreadPoolExecutor(8) as pool:
            for ids in pool.map(codebook.encode, [LONG] * 16):
                np.testing.assert_array_equal(ids, wanted)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_codebooks_are_their_files(name: str) -> None:
    path = Path(codebook_file.__file__).parents[1] / "data" / f"{name}.safetensors"
    codebook, loaded = Codebook.bundled(name), Codebook.load(path)
    assert codebook == loaded
    np.testing.assert_array_equal(codebook.encode(LONG), loaded.encode(LONG))


def test_import_leaves_alone_what_encoding_does_not_need() -> None:
    heavy = {
        "click",
        "concurrent.futures",
        "eqinfo.codecs.windows",
        "eqinfo.container",
        "eqinfo.models.native_model",
        "eqinfo.string_column",
        "importlib.metadata",
        "importlib.resources",
        "inspect",
        "logging",
        "torch",
        "tqdm",
        "xxhash",
    }
    program = (
        "import sys, numpy; before = set(sys.modules); import eqinfo; eqinfo.encode('a');"
        "print(*(set(sys.modules) - before))"
    )
    assert not heavy & set(run(program).split())


def test_every_public_name_is_there() -> None:
    assert set(eqinfo.__all__) <= set(dir(eqinfo))
    program = "import eqinfo; print([bool(getattr(eqinfo, name)) for name in eqinfo.__all__])"
    assert "False" not in run(program)
    with pytest.raises(AttributeError, match="module 'eqinfo' has no attribute 'encod'"):
        eqinfo.encod  # noqa: B018
    assert run("import eqinfo; print(eqinfo.window.WindowEncoder.__name__)") == "WindowEncoder\n"
    assert run("from eqinfo import *; print(compress.__name__)") == "compress\n"


def test_subpackages_are_imported_when_they_are_named() -> None:
    """So that what the documentation calls eqinfo.shards works after import eqinfo."""
    program = (
        "import eqinfo, sys; print('eqinfo.shards' in sys.modules, 'shards' in dir(eqinfo),"
        " eqinfo.shards.open.__name__, eqinfo.tokenizer.encoding('en-4k').n_vocab)"
    )
    assert run(program) == "False False open 4096\n"
