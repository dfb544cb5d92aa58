"""A bucket on loopback: moto's server, with S3's own API.

In: nothing. Out: a bucket that is empty, and the environment by which dlt finds it. No request
leaves the machine, and no credentials are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import boto3
from moto.server import ThreadedMotoServer

KEY = "testing"
REGION = "us-east-1"

_numbers = count()


@contextmanager
def bucket() -> Iterator[dict[str, str]]:
    """What to put into the environment so that dlt's filesystem is this bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url, name = f"http://{host}:{port}", f"lake-{next(_numbers)}"
        boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
        ).create_bucket(Bucket=name)
        yield {
            "DESTINATION__FILESYSTEM__BUCKET_URL": f"s3://{name}",
            "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_ACCESS_KEY_ID": KEY,
            "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_SECRET_ACCESS_KEY": KEY,
            "DESTINATION__FILESYSTEM__CREDENTIALS__REGION_NAME": REGION,
            "DESTINATION__FILESYSTEM__CREDENTIALS__ENDPOINT_URL": url,
        }
    finally:
        server.stop()
