"""Tokenizers that are copied, saved, loaded, sent to processes, or trained anew."""

from __future__ import annotations

import copy
import json
import pickle
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codebook_cases import TEXT
from eqinfo.codebook import Codebook
from eqinfo.errors import FormatError, ModelMismatchError, UnsupportedError

REASON = "needs the extra hf"
transformers = pytest.importorskip("transformers", reason=REASON)
pytest.importorskip("tokenizers", reason=REASON)

import eqinfo.tokenizer  # noqa: E402
from eqinfo.tokenizer import END_OF_TEXT, EqinfoTokenizer, from_codebook  # noqa: E402
from tokenizer_cases import CHAT, codebook, make, pair  # noqa: E402


@pytest.mark.parametrize("duplicate", [lambda t: pickle.loads(pickle.dumps(t)), copy.deepcopy])
def test_pickle_and_copy(duplicate: Any) -> None:
    tokenizer = make("framed")
    other = duplicate(tokenizer)
    text = "the <|begin|>newword 漢"
    assert dict(other(text)) == dict(tokenizer(text))
    other.add_tokens(["another"])
    assert len(other) == len(tokenizer) + 1


def test_a_saved_tokenizer_in_a_fresh_process(tmp_path: Path) -> None:
    tokenizer = make("framed")
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(tmp_path)
    text = "the <|begin|>newword 漢"
    program = """
import sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
print(type(tokenizer).__name__, getattr(tokenizer, "native", None))
print(tokenizer(sys.argv[2]).input_ids)
print(tokenizer.decode(tokenizer(sys.argv[2]).input_ids, skip_special_tokens=True))
print(tokenizer.chat_template == sys.argv[3], tokenizer.pad_token_id, "eqinfo" in sys.modules)
"""
    expected = [str(tokenizer(text).input_ids), "the newword 漢"]
    kinds = {"import eqinfo.tokenizer": "EqinfoTokenizer True", "": "TokenizersBackend None"}
    for first_line, kind in kinds.items():
        command = [sys.executable, "-c", first_line + program, str(tmp_path), text, CHAT]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        imported = "EqinfoTokenizer" in kind
        assert done.stdout.splitlines() == [kind, *expected, f"True 0 {imported}"]


def test_the_saved_files_are_those_of_a_plain_tokenizer(tmp_path: Path) -> None:
    tokenizer = make("framed")
    tokenizer.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    # AutoTokenizer of transformers 4 knows this class, and extra_special_tokens is a dict there.
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "extra_special_tokens" not in config
    assert config["additional_special_tokens"] == ["<|begin|>", "<|end|>", "<|be"]
    for load in (transformers.AutoTokenizer, EqinfoTokenizer):
        loaded = load.from_pretrained(tmp_path)
        assert isinstance(loaded, EqinfoTokenizer)
        assert loaded.extra_special_tokens == tokenizer.extra_special_tokens
        assert loaded.all_special_tokens == tokenizer.all_special_tokens


def test_files_that_name_the_class_load(tmp_path: Path) -> None:
    make("added").save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["tokenizer_class"] = config.pop("eqinfo_tokenizer_class")
    config["extra_special_tokens"] = config.pop("additional_special_tokens")
    path.write_text(json.dumps(config))
    assert isinstance(transformers.AutoTokenizer.from_pretrained(tmp_path), EqinfoTokenizer)


def test_another_version_of_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    # By name: transformers replaces its module when it first makes a model.
    monkeypatch.setattr("transformers.__version__", "4.57.6")
    names = runpy.run_path(str(Path(eqinfo.tokenizer.__file__)))
    assert "from_codebook" not in names
    with pytest.raises(UnsupportedError, match=r"transformers 5 or later, found 4\.57\.6"):
        names["__getattr__"]("from_codebook")


def test_loading_without_the_native_path(tmp_path: Path) -> None:
    pair("plain")[0].save_pretrained(tmp_path)
    assert not EqinfoTokenizer.from_pretrained(tmp_path, native=False).native


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    pair("plain")[0].save_pretrained(tmp_path)
    codebook_file = tmp_path / "codebook.safetensors"
    files = {
        "tokenizer_file": str(tmp_path / "tokenizer.json"),
        "codebook_file": str(codebook_file),
    }
    Codebook.fit(TEXT[:300], 10).save(codebook_file)
    with pytest.raises(ModelMismatchError, match="of the codebook to have id"):
        EqinfoTokenizer(**files)
    Codebook.fit(TEXT, 9).save(codebook_file)
    with pytest.raises(ModelMismatchError, match="of 512 tokens, as the codebook has, found 1024"):
        EqinfoTokenizer(**files)
    codebook_file.unlink()
    with pytest.raises(FormatError, match=r"expected codebook\.safetensors beside tokenizer\.json"):
        EqinfoTokenizer(**files)


def test_training_is_the_codebooks() -> None:
    tokenizer = make("framed")
    tokenizer.chat_template = CHAT
    tokenizer.padding_side = "left"
    lines = TEXT.decode().splitlines()
    trained = tokenizer.train_new_from_iterator(
        iter([lines[:1], lines[1:]]),
        1500,
        new_special_tokens=["<|new|>"],
        special_tokens_map={"<|end|>": "<|stop|>"},
        max_length=8,
    )
    assert isinstance(trained, EqinfoTokenizer)
    assert trained.codebook == Codebook.fit(lines, 10, max_length=8)
    assert trained.all_special_tokens == [
        "<|begin|>",
        END_OF_TEXT,
        "<|stop|>",
        "<|be",
        "<|new|>",
    ]
    text = "the cat<|stop|>newword"
    assert trained.decode(trained(text).input_ids) == f"<|begin|>{text}{END_OF_TEXT}"
    assert trained("<|new|><|stop|>").input_ids[1:-1] == [2**10 + 3, 2**10 + 1]
    assert trained.convert_tokens_to_ids("newword") is None
    assert trained.chat_template == CHAT
    assert trained.padding_side == "left"
    assert trained(text, padding="max_length", max_length=30).input_ids[0] == 0
    with pytest.raises(ValueError, match=r"vocab_size of at least 512.*found 300"):
        tokenizer.train_new_from_iterator(["the cat"], 300)
    with pytest.raises(TypeError, match=r"^expected an integer for vocab_size, found float$"):
        tokenizer.train_new_from_iterator(["the cat"], 512.0)  # type: ignore[arg-type]
    same = pair("plain")[0].train_new_from_iterator(TEXT.decode().splitlines(), 512)
    assert len(same) == 512
    assert same.eos_token_id == same.pad_token_id == 0
    lines: Any = TEXT.splitlines()  # as `Codebook.fit` takes them
    alike = pair("plain")[0].train_new_from_iterator(lines, np.int64(512))  # type: ignore[arg-type]
    assert alike.codebook.fingerprint == same.codebook.fingerprint


def test_training_makes_the_largest_codebook_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def fit(texts: Any, window_bits: int, **_: Any) -> Codebook:
        sizes.append(window_bits)
        return codebook()

    monkeypatch.setattr(Codebook, "fit", fit)
    tokenizer = from_codebook("en-4k")
    for vocab_size in (512, 1023, 1024, (1 << 20) - 1, 1 << 20, 1 << 24):
        tokenizer.train_new_from_iterator([], vocab_size)
    assert sizes == [9, 9, 10, 19, 20, 20]


def test_training_keeps_the_end_of_text_under_its_new_name() -> None:
    tokenizer = from_codebook(codebook(), end_of_text="<eod>")
    trained = tokenizer.train_new_from_iterator(
        [TEXT.decode()], 512, special_tokens_map={"<eod>": "<e>"}
    )
    assert trained.eos_token == "<e>"
    assert trained("<e>").input_ids == [0]


def test_datasets_map_in_two_processes() -> None:
    datasets = pytest.importorskip("datasets", reason="needs the package datasets")
    tokenizer = make("added")
    rows = [f"the cat {i} <|begin|> 漢" for i in range(20)]
    data = datasets.Dataset.from_dict({"text": rows})
    mapped = data.map(lambda batch: tokenizer(batch["text"]), batched=True, num_proc=2)
    assert mapped["input_ids"][:] == tokenizer(rows).input_ids
    hashed = datasets.fingerprint.Hasher.hash(tokenizer)
    tokenizer(rows)
    assert datasets.fingerprint.Hasher.hash(tokenizer) == hashed


@pytest.mark.parametrize("kind", ["plain", "added", "framed"])
def test_datasets_map_with_arrow(kind: str) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the package datasets")
    tokenizer = make(kind)
    for rows in (["the cat", "", "漢 and"], ["a <|end|> cat", "", "<|be"]):
        data = datasets.Dataset.from_dict({"document": rows}).with_format("arrow")
        mapped = data.map(
            tokenizer.encode_arrow,
            batched=True,
            batch_size=2,
            fn_kwargs={"column": "document"},
            remove_columns="document",
        ).with_format(None)
        assert mapped["input_ids"][:] == tokenizer(rows).input_ids
        assert mapped.column_names == ["input_ids"]


def test_wrong_columns() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    tokenizer = make("plain")
    table = pyarrow.table({"text": ["a", None], "number": [1, 2]})
    with pytest.raises(ValueError, match="expected no nulls, found one in row 1"):
        tokenizer.encode_arrow(table)
    with pytest.raises(TypeError):
        tokenizer.encode_arrow(table, "number")
    with pytest.raises(KeyError, match="expected a column 'document', found 'text', 'number'; na"):
        tokenizer.encode_arrow(table, "document")
    with pytest.raises(TypeError, match=r"found dict; use data\.with_format\(.arrow.\)"):
        tokenizer.encode_arrow({"text": ["a"]})
