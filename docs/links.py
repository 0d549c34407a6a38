"""Checks links that lead to files: of a built book, and of the Markdown of the repository.

A link to a heading has to name one that exists. Links to other hosts are counted as skipped: a check must not depend on them.

usage: docs/links.py FOLDER-OF-THE-BOOK
"""

import html.parser
import pathlib
import re
import subprocess
import sys
import unicodedata
import urllib.parse

passed = failed = skipped = 0


class Page(html.parser.HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.anchors.add(attributes["id"])
        for name in ("href", "src"):
            if attributes.get(name):
                self.links.append(attributes[name])


class Markdown:
    """The same of a file as a repository shows it."""

    def __init__(self, path):
        text = re.sub(r"^(```|~~~).*?^\1", "", path.read_text(), flags=re.M | re.S)
        prose = re.sub(r"`[^`\n]*`", "", text)
        self.links = re.findall(r"\]\(<?([^)\s>]+)>?\)", prose)
        self.anchors = {slug(heading) for heading in re.findall(r"^#+ (.*)", text, flags=re.M)}


def slug(heading):
    kept = (c for c in heading.lower() if c in " -_" or unicodedata.category(c)[0] in "LN")
    return "".join(kept).strip().replace(" ", "-")


def check(path, read, pages):
    global passed, failed, skipped
    for link in pages[path].links:
        url = urllib.parse.urlsplit(link)
        if url.scheme or url.netloc:
            skipped += 1
            continue
        target = path if not url.path else (path.parent / urllib.parse.unquote(url.path)).resolve()
        if target.is_dir() and (target / "index.html").exists():
            target /= "index.html"
        fault = None
        if not target.exists():
            fault = "there is no such file"
        elif url.fragment and target.suffix == path.suffix:
            page = pages.setdefault(target, None) or read(target)
            pages[target] = page
            if urllib.parse.unquote(url.fragment) not in page.anchors:
                fault = "there is no such heading"
        if fault:
            failed += 1
            print(f"failed: {path}: {link}: {fault}")
        else:
            passed += 1


def check_all(paths, read):
    pages = {path.resolve(): read(path) for path in paths}
    for path in list(pages):
        check(path, read, pages)


# `print.html` is all pages once more, with their relative links.
book = [path for path in pathlib.Path(sys.argv[1]).rglob("*.html") if path.name not in ("print.html", "404.html", "toc.html")]
listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], capture_output=True, text=True, check=True)
check_all(book, Page)
check_all([pathlib.Path(name) for name in listed.stdout.split()], Markdown)
print(f"{passed} passed, {failed} failed, {skipped} skipped (links to other hosts)")
sys.exit(failed > 0 or passed == 0)
