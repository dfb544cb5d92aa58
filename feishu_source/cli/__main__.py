"""`python -m feishu_source.cli` is `feishu-history`."""

import sys

from feishu_source.cli import main

sys.exit(main())
