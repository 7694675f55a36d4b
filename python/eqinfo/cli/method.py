"""Options for another method than a codebook, of `eqinfo tokenize`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from eqinfo.cli.options import bundled_or_loaded, codebook_of, existing_file, refuse_without_effect
from eqinfo.codebook.table import Codebook
from eqinfo.common.text import to_text
from eqinfo.container.identity import CodecModel
from eqinfo.errors import FormatError
from eqinfo.models.native_model import BUNDLED_MODELS
from eqinfo.window.steps import MAX_WINDOW_BITS

if TYPE_CHECKING:
    from eqinfo.models.protocol import Model
    from eqinfo.shards.encoder import ShardEncoder

_MODEL = "'-m' / '--model'"
_METHOD = "'--method'"
_SHORT = ("windows", "ac", "static")


@dataclass(frozen=True)
class MethodOptions:
    """What the user gave of a method; None or empty: the default."""

    method: str | None
    window_bits: int | None
    token_bits: int | None
    reset_every: int | None
    fit_on: tuple[str, ...]


def method_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `MethodOptions`; the command takes them as ``method``."""

    @wraps(command)
    def gathered(*arguments: Any, **options: Any) -> None:
        names = [field.name for field in fields(MethodOptions)]
        given = {name: options.pop(name) for name in names}
        command(*arguments, **options, method=MethodOptions(**given))

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


_OPTIONS = (
    click.option(
        "--method", metavar="NAME",
        help="windows, ac or static (arithmetic coding with M1, or with the frequencies of bytes), "
        "or a method of the paper by its name, such as 'BPE[65k]' or 'EqualInfo[16, 8] padded'; "
        "an unknown name lists all.",
    ),
    click.option(
        "--window-bits", type=click.IntRange(12, MAX_WINDOW_BITS),
        help="Bits per window, with --method windows. Default: 16.",
    ),
    click.option(
        "--token-bits", type=click.Choice(["8", "12", "16"]),
        help="Bits per token, with --method windows, ac or static. Default: 16.",
    ),
    click.option(
        "--reset-every", type=click.IntRange(0),
        help="Windows between two resets of M1; 0: it is never reset. Default: 1.",
    ),
    click.option(
        "--fit-on", multiple=True, type=existing_file,
        help="Text that a method learns from, such as 'SentencePiece[32k]' or static; files as "
        "INPUTS may be.",
    ),
)  # fmt: skip


def encoder_of(model: str, options: MethodOptions) -> Codebook | ShardEncoder:
    """Return the codebook, or the encoder of a method, that the user asks for.

    Args:
        model: the name or file of a codebook, or of M1.
        options: of the method.

    Raises:
        click.UsageError: options that do not fit together; the message says which.
        ValueError, UnsupportedError: as `eqinfo.experiment.MethodEncoder`.
    """
    context = click.get_current_context()
    (parameter,) = (p for p in context.command.params if p.name == "model")
    if options.method is None:
        refuse_without_effect(
            ("window_bits", "token_bits", "reset_every", "fit_on"), "a codebook (no --method)"
        )
        return codebook_of(context, parameter, model)
    name = _full_name(options.method, options)
    m1 = _model(model, bundled_or_loaded(context, parameter, model), name)
    from eqinfo.experiment.method_shards import MethodEncoder

    return MethodEncoder(name, m1, _texts(options.fit_on))


def _texts(paths: tuple[str, ...]) -> list[str]:
    """Return the documents of files; raises FormatError, which names the file."""
    from eqinfo.shards.bad_input import file_error
    from eqinfo.shards.corpus import CorpusFile, read_corpus

    def decoded(file: CorpusFile) -> list[str]:
        try:
            return [to_text(document) for document in file.documents]
        except FormatError as error:
            raise file_error(file.name, file.name, error) from None

    return [text for file in read_corpus(paths).files for text in decoded(file)] if paths else []


def _full_name(method: str, options: MethodOptions) -> str:
    """Return the catalogue's name of a method, and refuse options that it does not have."""
    from eqinfo.experiment.tokenizations.catalogue import catalogue, is_method, windows_name

    bits = int(options.token_bits or 16)
    if method == "windows":
        resets = 1 if options.reset_every is None else options.reset_every
        return windows_name(options.window_bits or 16, bits, resets)
    refuse_without_effect(("window_bits", "reset_every"), f"--method {method}")
    if method in _SHORT:
        return f"{'AC' if method == 'ac' else 'StaticAC'}[{bits}]"
    if not is_method(method):
        raise click.BadParameter(
            f"expected a method among {', '.join((*_SHORT, *catalogue()))}; found {method!r}",
            param_hint=_METHOD,
        )
    refuse_without_effect(("token_bits",), f"--method '{method}', whose name says it")
    return method


def _model(name: str, found: str | CodecModel | None, method: str) -> Model:
    """Return M1, of its bundled name or as it was loaded."""
    if isinstance(found, str) and found in BUNDLED_MODELS:
        from eqinfo.models.native_model import load

        return load(found)
    if found is None or isinstance(found, str | Codebook):
        raise click.BadParameter(
            f"{name!r}: expected a model (M1) for {method}, found a codebook; make a model with "
            f"`eqinfo train`, or take {', '.join(BUNDLED_MODELS)}; for the ids of the codebook, "
            "leave out --method",
            param_hint=_MODEL,
        )
    if found.vocab_size != 256:
        raise click.BadParameter(
            f"{name!r}: expected a model over the 256 bytes for {method}, found "
            f"{found.vocab_size:,} symbols; make one with `eqinfo train`",
            param_hint=_MODEL,
        )
    return found
