"""The command line: arguments in, a load, its account and an exit code out.

The only room that prints, asks, or ends a process. Everything else it leaves to `feishu_source`.
"""

import sys

try:
    from feishu_source.cli.main import main
except KeyboardInterrupt:  # what is imported takes a moment, in which minds are changed
    print("Error: interrupted", file=sys.stderr)
    sys.exit(130)

__all__ = ["main"]
