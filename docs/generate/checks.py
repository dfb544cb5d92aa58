"""The page of the check: everything `feishu-history --check` can find.

In: `feishu_source.doctor.texts`, which speaks both languages. Out: Markdown.
"""

from __future__ import annotations

from docs.generate.markdown import code, page, table
from docs.generate.words import Words
from feishu_source.doctor.text import Outcome, Tell
from feishu_source.doctor.texts import CHECKS, OUTCOMES, SKIPPED, UNFORESEEN

GENERAL = {"skipped": SKIPPED, "unforeseen": UNFORESEEN}
"""What can become of any check: told once."""

BY_CODE = {
    "meaning": "the meaning of Feishu's code",
    "advice": "the next step of that code",
}


def write(words: Words) -> str:
    """The page."""
    heading = ["outcome", "level", "exit code", "what was found", "next step"]
    of_any = [_row(name, outcome, words) for name, outcome in GENERAL.items()]
    sections = []
    for name, check in CHECKS.items():
        rows = [
            _row(key.partition(".")[2], outcome, words)
            for key, outcome in OUTCOMES.items()
            if key.partition(".")[0] == name and outcome not in GENERAL.values()
        ]
        title = words.colon("Told as", words.pair(check.en, check.zh))
        sections += [f"## {name}", title, table(list(map(words, heading)), rows)]
    return page(
        f"# {words('Findings of the check')}",
        words(
            "What `feishu-history --check` looks at, in the order in which it tells, and all it "
            "can find. Headings and outcomes are the `id` and `outcome` of `--json`. The exit code "
            "is the one a load would end with because of it; 0: it would not mind. `{…}` is filled "
            "in. Codes stand in [errors](errors.md)."
        ),
        f"## {words('Any check')}",
        table(list(map(words, heading)), of_any),
        *sections,
    )


def _row(name: str, outcome: Outcome, words: Words) -> list[str]:
    told = [_tell(text, words) for text in (outcome.found, outcome.next_step)]
    return [code(name), code(outcome.level), str(outcome.exit_code), *told]


def _tell(text: Tell, words: Words) -> str:
    if text is None:
        return ""
    return words(BY_CODE[text]) if isinstance(text, str) else words.pair(text.en, text.zh)
