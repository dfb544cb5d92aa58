"""Writes every page that is generated; what stands there is overwritten."""

from docs.generate.pages import ROOT, pages

for path, text in pages().items():
    (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
    (ROOT / path).write_text(text, "utf-8")
    print(path)
