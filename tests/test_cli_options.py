"""Options that have no effect are errors; one text or several texts in the wrong place, too."""

from __future__ import annotations

import math
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import eqinfo
from eqinfo.cli import main
from token_cases import encoded

TEXT = "An option that has no effect is an error."
CONTAINER = eqinfo.compress(TEXT, codec="stored")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(TEXT)
    eqinfo.Codebook.fit(TEXT, 9).save("book")
    Path("a.eqi").write_bytes(CONTAINER)
    Path("a.eqt").write_bytes(encoded(TEXT.encode()))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("compress --window-bits 24 a.txt -o out", "only with --codec windows, found --codec def"),
        ("compress --window-bits 24 --codec ranged a.txt -o out", "found --codec ranged"),
        ("compress --best --codec ranged a.txt", "expected --level or --codec, found --level best"),
        ("compress --level 3 a.txt", "'3' is not one of 'fast', 'balanced', 'best'"),
        ("compress --codec stored -m en a.txt -o out", "no model with the codec 'stored', found"),
        ("compress --codec adaptive -m en a.txt -o out", "no model with the codec 'adaptive', f"),
        ("compress --codec mixed -m en-dense a.txt -o out", "the name of a model (en, world, smo"),
        ("compress --codec mixed -m book a.txt -o out", "a model for the codec mixed, found Code"),
        ("compress --codec ranged -m smollm2-135m a.txt -o out", "expected a bundled codebook am"),
        ("compress --codec windows --window-bits 17 a.txt -o out", "a multiple of 8, found 17"),
        ("compress -D a.txt --fast a.txt -o out", "--level balanced or best, or --codec mixed, ad"),
        ("compress -m . a.txt -o out", "'.' is neither a file nor the name of a bundled codebook"),
        ("inspect --text abc a.txt", "SOURCE has no effect with --text"),
        ("inspect --table a.eqi", "--table has no effect with a compressed file"),
        ("inspect --no-colour a.eqi", "-colour has no effect with a compressed file"),
        ("inspect -m en a.eqi", "--model has no effect with a compressed file"),
        ("inspect -m en a.eqt", "--model has no effect with a token file"),
        ("inspect --table a.eqt", "--table has no effect with a token file"),
        ("encode --raw --format text a.txt -o out", "--raw has no effect with --format text"),
        ("decode --raw --format text a.txt -o out", "--raw has no effect with --format text"),
        ("fit --align word --rounds 1 a.txt -o out", "--rounds has no effect with --align word"),
        ("fit --align phrase --rounds 1 a.txt -o out", "--rounds has no effect with --align ph"),
        ("fit --phrase-share 0.1 a.txt -o out", "--phrase-share has no effect with --align none"),
        ("fit --align word --phrase-words 2 a.txt -o out", "--phrase-words has no effect with"),
        ("fit --align phrase --prefixes a.txt -o out", "--prefixes or --align phrase, found both"),
        ("tokenize --input-format text --text-field t a.txt -o out", "--text-field has no effect"),
        ("tokenize --input-format jsonl --separator x a.txt -o out", "--separator has no effect"),
        ("report --only tables --device cpu a.txt -o out", "--device has no effect with --only"),
    ],
)
def test_options_without_effect(arguments: str, message: str, folder: Path) -> None:
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 2
    assert message in result.output
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "--text-field body a.txt",
            "only with input of the format csv, jsonl or parquet, found",
        ),
        ("--separator x a.jsonl", "format text, found separator 'x' with jsonl only; leave it out"),
        ("--separator x --text-field body a.jsonl", "separator"),
    ],
)
def test_options_that_concern_none_of_the_files(arguments: str, message: str, folder: Path) -> None:
    Path("a.jsonl").write_text('{"body": "a", "text": "b"}\n')
    result = CliRunner().invoke(main, ["tokenize", *arguments.split(), "-o", "out"])
    assert result.exit_code == 1
    assert message in result.output
    assert not (folder / "out").exists()
    both = ["tokenize", "a.txt", "a.jsonl", "--separator", "x", "--text-field", "body"]
    assert CliRunner().invoke(main, [*both, "-o", "out"]).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        "compress --window-bits 24 --codec windows a.txt -o out",
        "compress -m en-dense a.txt -o out",
        "compress -D a.txt --codec auto a.txt -o out",
        "compress -D a.txt --level balanced a.txt -o out",
        "inspect a.eqi",
        "inspect a.eqt",
        "inspect --text abc --table --no-colour -m en-4k",
        "inspect a.txt --table",
    ],
)
def test_options_with_an_effect(arguments: str, folder: Path) -> None:
    result = CliRunner().invoke(main, arguments.split())
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (None, {"window_bits": 32}, "window_bits only with the codec 'windows', found .*'auto'"),
        ("en-dense", {"window_bits": 16}, "found it with 'ranged'"),
        ("en-dense", {"segment_bytes": 16}, "segment_bytes only with .* found it with 'ranged'"),
        (None, {"codec": "stored", "segment_bytes": 16}, "found it with 'stored'"),
        ("en", {"codec": "stored"}, "no model with the codec 'stored'"),
    ],
)
def test_options_of_files_without_effect(
    model: str | None, options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        eqinfo.compress(TEXT, model, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        eqinfo.open(tmp_path / "out", "wb", model, **options)  # type: ignore[call-overload]
    assert not list(tmp_path.iterdir())


def test_numbers_are_finite() -> None:
    """NaN passes every comparison with a bound, and infinity passes bounds that are open above."""
    names = []
    for name, command in main.commands.items():
        for option in command.params:
            if not isinstance(option.type, click.types.FloatParamType):
                continue
            names.append(f"{name} {option.opts[0]}")
            for value in ("nan", "inf", "-inf", "1e999"):
                arguments = [name, __file__, option.opts[0], value]
                result = CliRunner().invoke(main, arguments)
                assert result.exit_code == 2, (name, value)
                assert "Invalid value for" in result.output, (name, value)
                assert math.isclose(option.type.convert("0.5", option, None), 0.5)
    assert names == [
        "fit --phrase-share",
        "tokenize --shard-mib",
        "train --seconds",
        "train --rate",
        "train --row-rate",
        "train --decay",
    ]


def test_lanes_are_for_models() -> None:
    with pytest.raises(TypeError, match="lanes"):
        eqinfo.encode(TEXT, lanes=4)
    assert len(eqinfo.encode(TEXT, "en", window_bits=32, lanes=4))


CODERS = [
    eqinfo,
    eqinfo.Codebook.bundled("en"),
    eqinfo.CodebookCodec(eqinfo.Codebook.bundled("en"), 8),
    eqinfo.ArithmeticCodec(eqinfo.models.StaticModel.fit(TEXT)),
    eqinfo.WindowCodec(eqinfo.models.StaticModel.fit(TEXT), 32),
]


@pytest.mark.parametrize("coder", CODERS)
def test_one_text_or_several(coder) -> None:  # type: ignore[no-untyped-def]
    for one in (TEXT, TEXT.encode(), bytearray(b"abc"), memoryview(b"abc")):
        with pytest.raises(TypeError, match=r"found one \w+; use encode for a single text"):
            coder.encode_batch(one)
    batch = eqinfo.TextBatch.concatenate([TEXT])
    for several in ([TEXT], (TEXT,), iter([TEXT]), {TEXT}, batch, np.array([TEXT, "x"])):
        with pytest.raises(TypeError, match=r"found \w+; use encode_batch for several texts"):
            coder.encode(several)
    with pytest.raises(TypeError, match=r"expected str or bytes, found NoneType$"):
        coder.encode(None)
    tokens = coder.encode(TEXT)
    for one_document in (tokens, tokens.tolist(), tuple(tokens)):
        with pytest.raises(TypeError, match="use decode for a single document"):
            coder.decode_batch(one_document)
    with pytest.raises(TypeError, match="found nested sequences; use decode_batch"):
        coder.decode([tokens.tolist(), [1]])
    for none in ([], (), np.zeros((0, 3), np.uint16)):
        assert list(coder.decode_batch(none)) == []
