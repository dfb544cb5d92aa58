"""A Feishu tenant over HTTP on loopback, for the demo, the tests and the benchmarks.

In: what happens in the tenant. Out: an address that answers as the platform does, and the truth
that a complete reading must find. It imports nothing from the rest of `feishu_source`: what is
tested must not test itself.
"""

from feishu_source.sandbox.demo import demo_world
from feishu_source.sandbox.generate import generate
from feishu_source.sandbox.server import Request, Sandbox
from feishu_source.sandbox.store import StoreApp
from feishu_source.sandbox.switches import FAULTS, Fault, Switches
from feishu_source.sandbox.world import World

__all__ = [
    "FAULTS",
    "Fault",
    "Request",
    "Sandbox",
    "StoreApp",
    "Switches",
    "World",
    "demo_world",
    "generate",
]
