"""The version, stated once: packaging, the User-Agent header and `--version` read it here."""

VERSION = "0.1.0"
