"""Pages for people; `docs.generate` writes those of docs/reference."""
