"""Loads Feishu / Lark chat history: the command `feishu-history`, runnable from a checkout.

python pipelines/load_history.py --help
"""

import sys
from pathlib import Path

try:
    from feishu_source.cli import main
except ModuleNotFoundError as error:
    # Not installed: the package lies next to this folder. Anything else missing is an error.
    if error.name != "feishu_source":
        raise
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from feishu_source.cli import main

if __name__ == "__main__":
    sys.exit(main())
