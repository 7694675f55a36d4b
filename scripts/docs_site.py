"""Hook of mkdocs (mkdocs.yml): what the documentation links to outside docs/ is part of the site.

On a code host, ``../benchmarks/README.md`` in docs/models.md leads to that file. A site has only
pages, so the files that pages link to become pages under ``repository/``, and the links lead there:
Markdown as it is, source code as a listing, folders as the names in them. Markdown files are
searched for further links. The decisions in docs/adr join the navigation by number.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = "repository/"
LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")
LANGUAGES = {".py": "python", ".h": "cpp", ".cpp": "cpp", ".cu": "cuda", ".cff": "yaml"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the decisions to the navigation."""
    decisions = sorted(path.name for path in (ROOT / "docs" / "adr").glob("*.md"))
    assert config.nav is not None
    config.nav.append({"Decisions": [f"adr/{name}" for name in decisions]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that pages link to outside docs/."""
    waiting = [file.src_uri for file in files.documentation_pages()]
    while waiting:
        document = repository_path(waiting.pop())
        for match in LINK.finditer((ROOT / document).read_text("utf-8")):
            target = target_of(document, match[2])
            uri = site_uri(target)
            if not uri.startswith(OUTSIDE) or not (ROOT / target).exists():
                continue
            if files.get_file_from_path(uri) is None:
                files.append(File.generated(config, uri, content=page_of(target)))
                if target.endswith(".md"):
                    waiting.append(uri)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links that leave docs/, and all links of pages from outside it."""
    document = repository_path(page.file.src_uri)
    folder = posixpath.dirname(page.file.src_uri)

    def rewritten(match: re.Match[str]) -> str:
        target = target_of(document, match[2])
        if not (ROOT / target).exists():
            return match[0]  # mkdocs warns
        uri = site_uri(target)
        return f"{match[1]}{posixpath.relpath(uri, folder or '.')}{match[3]}"

    return LINK.sub(rewritten, markdown)


def repository_path(uri: str) -> str:
    """Return the path in the repository of a Markdown page of the site."""
    return uri.removeprefix(OUTSIDE) if uri.startswith(OUTSIDE) else f"docs/{uri}"


def site_uri(path: str) -> str:
    """Return the page of the site that shows a file of the repository."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{OUTSIDE}{path}" if path.endswith(".md") else f"{OUTSIDE}{path}.md"


def target_of(document: str, link: str) -> str:
    """Return the path in the repository that a link in a document leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(document), link))


def page_of(path: str) -> str:
    """Return a file of the repository as Markdown."""
    if (ROOT / path).is_dir():
        names = sorted(file.name for file in (ROOT / path).iterdir())
        return f"# {path}\n\n" + "".join(f"- `{name}`\n" for name in names)
    text = (ROOT / path).read_text("utf-8")
    if path.endswith(".md"):
        return text
    return f"# {path}\n\n~~~~{LANGUAGES.get(Path(path).suffix, 'text')}\n{text}~~~~\n"
