"""A bucket on loopback: moto's server, with S3's own API.

In: nothing. Out: a bucket that is empty, and the environment by which dlt finds it. No request
leaves the machine, and no credentials are real. The server is a process of its own: who writes
Delta tables holds Python's lock while it waits for an answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

KEY = "testing"
REGION = "us-east-1"
ENDPOINT = "DESTINATION__FILESYSTEM__CREDENTIALS__ENDPOINT_URL"


@contextmanager
def bucket() -> Iterator[dict[str, str]]:
    """What to put into the environment so that dlt's filesystem is this bucket."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.warehouses.buckets"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a line for each request
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as server:
        assert server.stdout
        url = server.stdout.readline().strip()
        boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
        ).create_bucket(Bucket="lake")
        yield {
            "DESTINATION__FILESYSTEM__BUCKET_URL": "s3://lake",
            "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_ACCESS_KEY_ID": KEY,
            "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_SECRET_ACCESS_KEY": KEY,
            "DESTINATION__FILESYSTEM__CREDENTIALS__REGION_NAME": REGION,
            ENDPOINT: url,
        }


def main() -> None:
    """Serves until its standard input is closed."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
