"""Prints the SQL that makes a view of each table's newest rows, over Parquet files.

python pipelines/latest_views.py | duckdb views.duckdb
python pipelines/latest_views.py --dialect spark --dataset feishu
"""

import argparse
import sys
from pathlib import Path

try:
    from feishu_source import latest_views, open_pipeline
except ModuleNotFoundError as error:
    # Not installed: the package lies next to this folder. Anything else missing is an error.
    if error.name != "feishu_source":
        raise
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from feishu_source import latest_views, open_pipeline

from feishu_source.errors import ConfigurationError


def main() -> None:
    """The views of the dataset that dlt's configuration leads to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="feishu", help="default feishu")
    parser.add_argument("--dialect", default="duckdb", choices=["duckdb", "spark"])
    parser.add_argument("--pipelines-dir", help="where dlt keeps its working folders")
    asked = parser.parse_args()
    try:
        pipeline = open_pipeline(
            "filesystem", dataset=asked.dataset, pipelines_dir=asked.pipelines_dir
        )
        statements = latest_views(pipeline, asked.dialect)
    except ConfigurationError as error:
        sys.exit(f"error: {error}")
    print("".join(f"{statement};\n\n" for statement in statements), end="")


if __name__ == "__main__":
    main()
