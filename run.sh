cd /tmp/rungs && PYTHONPATH=/tmp/rungs /work/main/.venv/bin/python -m pytest -p no:cacheprovider "$@"
