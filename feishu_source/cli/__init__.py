"""The command line: arguments in, a load, its account and an exit code out.

The only room that prints, asks, or ends a process. Everything else it leaves to `feishu_source`.
"""

from feishu_source.cli.main import main

__all__ = ["main"]
