# ruff: noqa: INP001 - a script beside the pages
"""Build the documentation site into ``build/site``: ``python docs/site.py``.

The pages are those of this folder and three of the checkout's own. A link to the source becomes plain text, because the
site holds pages alone. Every warning is an error: a link to a page that is not there ends the build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "build" / "pages"
OF_THE_CHECKOUT = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):\s*<code>")
"""What Sphinx would make a link of, in docstrings."""
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def main() -> int:
    """Lay the pages out and build them; return the generator's exit code."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "docs", PAGES, ignore=shutil.ignore_patterns("*.py", "ci"))
    for name in OF_THE_CHECKOUT:
        shutil.copy(ROOT / name, PAGES / name)
    for page in sorted(PAGES.rglob("*.md")):
        page.write_text(LINK.sub(lambda match, page=page: _link(match, page), page.read_text()))
    shutil.copytree(ROOT / "samples", PAGES / "samples", ignore=shutil.ignore_patterns("*.py"))
    program = Path(sys.executable).with_name("zensical")
    built = subprocess.run([program, "build", "--strict"], cwd=ROOT, env=os.environ | {"NO_COLOR": "1"}, check=False)  # noqa: S603
    for page in (ROOT / "build" / "site" / "reference" / "python").glob("*.html"):
        page.write_text(ROLE.sub("<code>", page.read_text()))
    return built.returncode


def _link(match: re.Match[str], page: Path) -> str:
    """Point a link at its page on the site; leave only its text where it leads to the source."""
    text, target, anchor = match[1], match[2], match[3] or ""
    if re.match(r"[a-z]+:", target):
        return match[0]
    # Where the link led from the page's place in the checkout.
    relative = page.relative_to(PAGES)
    folder = ROOT if relative.name in OF_THE_CHECKOUT else (ROOT / "docs" / relative).parent
    there = Path(os.path.normpath(folder / target))
    if there.parent == ROOT and there.name in OF_THE_CHECKOUT:
        on_site = PAGES / there.name
    elif there.is_relative_to(ROOT / "docs") and there.is_file():
        on_site = PAGES / there.relative_to(ROOT / "docs")
    else:
        return text
    return f"[{text}]({os.path.relpath(on_site, page.parent)}{anchor})"


if __name__ == "__main__":
    sys.exit(main())
