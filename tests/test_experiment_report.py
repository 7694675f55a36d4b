"""eqinfo report: figures that name their run, studies that resume, and the page."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from eqinfo.cli import main
from eqinfo.cli import report as report_command
from eqinfo.errors import FormatError
from eqinfo.experiment import data
from eqinfo.experiment.report import checks, html
from eqinfo.experiment.report import study as studies
from eqinfo.experiment.report.order import ordered_pairs
from eqinfo.experiment.report.presets import PRESETS
from eqinfo.experiment.report.sections_m2 import bits_at, interval
from eqinfo.models import StaticModel
from experiment_cases import SENTENCES, TRAINING


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("".join(TRAINING) * 50)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture(scope="module")
def study(corpus: Path) -> Path:
    pytest.importorskip("matplotlib")
    pytest.importorskip("rapidfuzz")
    folder = corpus.parent / "study"
    done = run(corpus, "-o", folder, "--preset", "toy", "--only", "tables")
    assert done.exit_code == 0, done.output
    return folder


def test_every_figure_names_the_run_of_the_manifest(study: Path) -> None:
    manifest = json.loads((study / "manifest.json").read_text())
    figures = [json.loads(path.read_text()) for path in (study / "figures").glob("*.json")]
    assert len(figures) > 10
    assert {figure["run"] for figure in figures} == {manifest["run"]}
    assert manifest["files"][0]["name"] == "text.txt"
    assert manifest["parameters"]["seed"] == 0
    assert manifest["versions"]["numpy"]


def test_the_page_needs_no_network_and_has_the_paper_beside(study: Path) -> None:
    page = (study / "report.html").read_text()
    assert "default-src 'none'" in page
    links = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"' )>]*)", page)
    assert all(link.startswith("#") for link in links)
    assert page.count("<svg") == page.count("</svg>") > 4
    figure = json.loads((study / "figures" / "compression-AC-8.json").read_text())["figure"]
    row = page[page.index(">AC[8]<") :][:200]
    assert f"<td>{figure['token_ratio']:.3f}</td><td>5.490</td>" in row


def test_the_words_and_tables_are_there_as_markdown(study: Path) -> None:
    text = (study / "report.md").read_text()
    page = (study / "report.html").read_text()
    assert re.findall("^## (.*)$", text, re.M) == re.findall("<h2>(.*?)</h2>", page)[1:]
    figure = json.loads((study / "figures" / "compression-AC-8.json").read_text())["figure"]
    assert f"| AC[8] | {figure['token_ratio']:.3f} | 5.490 |" in text
    assert "<" not in text
    # How it was made.
    manifest = json.loads((study / "manifest.json").read_text())
    assert "Preset toy, seed 0: " in text
    assert f"| text.txt | {manifest['files'][0]['bytes']:,} | " in text
    assert manifest["files"][0]["xxh3_128"] in text
    assert manifest["m1"] in text


def test_an_altered_figure_is_refused_and_an_old_one_made_again(
    tmp_path: Path, study: Path, corpus: Path
) -> None:
    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    path = copy / "figures" / "compression-AC-8.json"
    options = (corpus, "-o", copy, "--preset", "toy", "--only", "tables")
    before = path.read_text()
    content = json.loads(before)
    content["figure"]["token_ratio"] += 0.5
    path.write_text(json.dumps(content))
    done = run(*options)
    assert done.exit_code == 1
    assert "compression-AC-8.json: expected a figure with the checksum" in done.stderr
    assert "delete it to compute the figure again" in done.stderr
    del content["checksum"]
    path.write_text(json.dumps(content))
    assert run(*options).exit_code == 0
    assert json.loads(path.read_text())["figure"] == json.loads(before)["figure"]


def test_a_sample_has_whole_lines() -> None:
    lines = [b"%d\n" % number for number in range(50_000)]
    text = b"".join(lines)
    for size in (1, 1000, 100_000, len(text)):
        taken = b"".join(data.shuffled_chunks(text, size))
        assert size - max(map(len, lines)) < len(taken) <= size
        assert set(taken.splitlines(keepends=True)) <= {*lines}


def test_a_device_that_cannot_be_used_is_found_at_once(tmp_path: Path, corpus: Path) -> None:
    for package in ("torch", "matplotlib", "rapidfuzz"):
        pytest.importorskip(package)
    done = run(corpus, "-o", tmp_path / "study", "--preset", "toy", "--device", "abacus")
    assert done.exit_code == 1
    assert "expected a device that PyTorch can use" in done.stderr
    assert not (tmp_path / "study").exists()


def test_a_study_resumes_and_refuses_another(study: Path, corpus: Path) -> None:
    path = study / "figures" / "compression-AC-8.json"
    others = {p: p.stat().st_mtime_ns for p in (study / "figures").glob("*.json") if p != path}
    before = json.loads(path.read_text())["figure"]
    path.unlink()
    options = (corpus, "-o", study, "--preset", "toy", "--only", "tables")
    assert run(*options).exit_code == 0
    assert json.loads(path.read_text())["figure"] == before
    assert {p: p.stat().st_mtime_ns for p in others} == others
    other = run(*options, "--seed", 1)
    assert other.exit_code == 1
    assert "give another folder" in other.output


STORED_NAMES = {
    # Those of the parameters are part of the digest that names a run.
    ("manifest.json", "parameters"): "device preset preset_name seed",
    ("manifest.json", "parameters", "preset"): (
        "train_bytes held_out_bytes decoded_bytes methods stability divergence pieces token_texts "
        "repeats prefixes plan"
    ),
    ("manifest.json", "parameters", "preset", "plan"): (
        "sizes claims others seeds train_bytes held_out_bytes context_bytes batch learning_rate "
        "task_bytes task_text_bytes scaled scaled_sizes spelling spelling_words"
    ),
    ("figures/compression-AC-8.json", "figure"): (
        "text_bytes tokens vocab_size counts_bits distinct method token_ratio bit_ratio uniform "
        "unigram unigram_corrected decoded_bytes tokens_of_16_bits"
    ),
    ("figures/paper-windows-16.json", "figure"): "window_bits bytes_per_16_bits misread ending",
    ("figures/pieces.json", "figure"): "sentence pieces",
    ("figures/token-texts.json", "figure"): "method rows",
    ("figures/token-texts.json", "figure", "rows", 0): (
        "position token windows distinct prefix texts"
    ),
    ("figures/byte-bits.json", "figure"): "window_bits token_bits bytes",
    ("figures/byte-bits.json", "figure", "bytes", 0): "text window first last",
    ("figures/stability-Bytes.json", "figure"): "method distances mean tokens relative",
    ("figures/divergence-random.json", "figure"): "method bits grams tokens",
    ("figures/repeats-EqualInfo-16-16.json", "figure"): "method documents all by_place occurring",
    ("figures/initial-padded.json", "figure"): (
        "variant windows crossing repeated alike whole_bytes"
    ),
    ("figures/divergence-random.json", "figure", "grams", 0): (
        "size segments plug_in corrected low high"
    ),
}


@pytest.mark.parametrize("place", STORED_NAMES)
def test_names_in_stored_studies_stay(study: Path, place: tuple[Any, ...]) -> None:
    name, *keys = place
    value = json.loads((study / name).read_text())
    for key in keys:
        value = value[key]
    assert sorted(value) == sorted(STORED_NAMES[place].split())


def test_the_old_name_of_the_parameters_works_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="Parameters is now .*StudyParameters"):
        assert studies.Parameters is studies.StudyParameters


def test_what_is_missing_is_said_at_the_start(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(SENTENCES[0])
    missing = run(text, "-o", tmp_path / "none" / "study")
    assert missing.exit_code == 1
    assert "No such folder" in missing.output
    small = data.StudyText([SENTENCES[0]], [SENTENCES[1]], [])
    with pytest.raises(ValueError, match=r"SentencePiece\[32k\]: .* at least 1,024,000 bytes"):
        checks.check_text(PRESETS["laptop"], small, True)
    with pytest.raises(ValueError, match="M2: expected at least 12,288 bytes"):
        checks.check_text(PRESETS["toy"], small, False)
    with pytest.raises(ValueError, match="at least 20 different words"):
        checks.check_text(PRESETS["toy"], small, True)
    enough = data.StudyText([SENTENCES[0] * 6000, "A word."], [SENTENCES[1]], [])
    plan = PRESETS["toy"].plan
    many = replace(PRESETS["toy"], prefixes=1, plan=replace(plan, spelling_words=30))
    with pytest.raises(ValueError, match="at least 30 different words"):
        checks.check_text(many, enough, False)
    # An M2 of a 48th of the weights reads a 48th of the text.
    scaled = replace(PRESETS["toy"], plan=replace(plan, sizes=("cpu",), scaled_sizes=("toy",)))
    with pytest.raises(ValueError, match="M2: expected at least 294,912 bytes"):
        checks.check_text(scaled, data.StudyText([SENTENCES[0] * 1000], [""], []), False)
    huge = PRESETS["paper"]
    with pytest.raises(ValueError, match=r"GB of memory .* smaller --preset"):
        checks.check_memory(type(huge)(**{**vars(huge), "train_bytes": 10**15}), True)


def test_a_study_that_cannot_end_is_not_begun(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (corpus, "-o", tmp_path / "study", "--only", "tables", "--preset")
    small = run(*arguments, "laptop")
    assert small.exit_code == 1
    assert "give more text, or --preset toy" in small.output
    monkeypatch.setattr(checks, "_MEMORY_PER_TRAINING_BYTE", 10**15)
    large = run(*arguments, "toy")
    assert large.exit_code == 1
    assert "GB of memory for this preset" in large.output
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    lacking = run(*arguments, "toy")
    assert lacking.exit_code == 1
    assert "packages that are not installed, rapidfuzz: pip install" in lacking.output
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("option", [["--device", "nowhere"], ["--seed", str(1 << 63)]])
def test_what_m2s_are_given_is_looked_at_before_the_tables(
    corpus: Path, tmp_path: Path, option: list[str]
) -> None:
    pytest.importorskip("torch")
    done = run(corpus, "-o", tmp_path / "study", "--preset", "toy", *option)
    assert done.exit_code in (1, 2)
    assert option[1] in done.output
    assert not (tmp_path / "study").exists()


def test_models_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = data.StudyText([""], [""], [])
    pytest.importorskip("torch")
    from eqinfo.models import paper

    path = tmp_path / "m1"
    sizes = paper.Sizes(width=8, heads=2, layers=1, context=4)
    paper.save(paper.PaperTransformer(sizes), path, {"name": "small"})
    loaded = report_command._model(str(path), text)
    assert type(loaded).__name__ == "TorchModel"
    with pytest.raises(click.BadParameter, match="'m2' is neither a file nor ngram nor a bundled"):
        report_command._model("m2", text)
    monkeypatch.setattr(report_command, "load_file", lambda name: StaticModel([1, 1, 1]))
    with pytest.raises(click.BadParameter, match="over the 256 bytes, found 3 symbols; make one"):
        report_command._model(str(path), text)


def test_data_are_split_into_whole_lines_and_characters(tmp_path: Path) -> None:
    lines = [f"line {number}, größer\n" for number in range(20_000)]
    path = tmp_path / "text.txt"
    path.write_text("".join(lines))
    found = data.study_text([("text", path.read_bytes())], [], 100_000, 30_000)
    assert 99_950 < sum(len(text.encode()) for text in found.train) <= 100_000
    trained = {line for text in found.train for line in text.splitlines(keepends=True)}
    held = set("".join(found.held_out).splitlines(keepends=True)[:-1])
    assert trained < set(lines)
    assert held < set(lines)
    assert not trained & held
    assert all(len(text.encode()) <= data.DOCUMENT_BYTES for text in found.held_out)
    assert data.sample(["abc", "öö", "x"], 6) == ["abc", "ö"]
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"ab\xff")
    with pytest.raises(FormatError, match=r"bad.txt: expected UTF-8, found byte 0xff at offset 2"):
        data.study_text([("bad.txt", bad.read_bytes())], [], 100, 100)
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    with pytest.raises(ValueError, match="expected text to train on"):
        data.study_text([("empty", empty.read_bytes())], [], 100, 100)


def test_chunks_are_whole_lines_of_the_text_in_another_order() -> None:
    lines = [b"%d\n" % number for number in range(60_000)]
    text = b"".join(lines)
    whole = data.shuffled_chunks(text)
    assert sorted(b"".join(whole).splitlines(keepends=True)) == sorted(lines)
    assert whole != sorted(whole, key=text.index)
    part = data.shuffled_chunks(text, 100_000)
    assert 99_990 < sum(map(len, part)) <= 100_000
    assert set(b"".join(part).splitlines(keepends=True)) <= set(lines)


def test_the_paper_s_order_is_compared_in_pairs() -> None:
    pairs = ordered_pairs({"Bytes": 1.0, "AC[8]": 4.0, "StaticAC[8]": 0.9, "unknown": 7.0})
    assert [(pair.more, pair.less) for pair in pairs if pair.agrees] == [
        ("AC[8]", "StaticAC[8]"),
        ("AC[8]", "Bytes"),
    ]
    assert [(pair.more, pair.less) for pair in pairs if not pair.agrees] == [
        ("StaticAC[8]", "Bytes")
    ]


def test_runs_are_compared_at_the_same_flops() -> None:
    points = [{"flops": 1.0, "bits_per_byte": 4.0}, {"flops": 100.0, "bits_per_byte": 2.0}]
    assert bits_at(points, 10.0) == pytest.approx(3.0)
    assert interval([1.0]) is None
    assert interval([1.0, 2.0, 3.0]) == "± 2.484"


def test_tables_escape_what_they_show() -> None:
    shown = html.table(["<a>"], [["<b>"], [None], [1.23456], [1234]])
    assert "&lt;a&gt;" in shown
    assert "&lt;b&gt;" in shown
    assert ">1.235<" in shown
    assert ">1,234<" in shown
