"""Answers a question from what was loaded: SQL that lies in `queries/`, beside this file.

python pipelines/query.py --list
python pipelines/query.py search WORDS
python pipelines/query.py daily_activity --timezone Asia/Shanghai --since 2026-01-01
"""

import sys
from pathlib import Path

try:
    from feishu_source.cli.search import main
except ModuleNotFoundError as error:
    # Not installed: the package lies next to this folder. Anything else missing is an error.
    if error.name != "feishu_source":
        raise
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from feishu_source.cli.search import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent / "queries"))
