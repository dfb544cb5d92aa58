"""Only where a warehouse is named are there tests: what they do there costs money."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("FEISHU_LIVE_DESTINATION") else ["*"]
