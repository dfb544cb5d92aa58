"""The least that a tenant costs: how many requests show every message of it once.

In: a tenant of the sandbox. Out: numbers. Refuses to know who reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from feishu_source.sandbox import World
from feishu_source.sandbox.listing import is_in_timeline, is_listed
from feishu_source.sandbox.tenant import Chat, Thread

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Least:
    """Pages of timelines and of threads.

    A topic group's timeline holds the replies, so the pages of its threads are not needed.
    """

    chats: int
    chat_pages: int
    threads: int
    thread_pages: int
    topic_pages: int

    @property
    def requests(self) -> int:
        """Requests for messages."""
        return self.chat_pages + self.thread_pages


def least_requests(world: World, page_size: int = PAGE_SIZE) -> Least:
    """Each chat and each thread in pages as full as they can be, but at least one."""
    chats = world.listed_chats()
    threads = [thread for chat in chats for thread in _threads(chat)]
    thread_pages = {"topic": 0, "group": 0}
    for thread in threads:
        thread_pages[thread.root.chat.mode] += pages(_in_thread(world, thread), page_size)
    return Least(
        chats=len(chats),
        chat_pages=sum(pages(_in_timeline(world, chat), page_size) for chat in chats),
        threads=len(threads),
        thread_pages=thread_pages["group"],
        topic_pages=thread_pages["topic"],
    )


def pages(messages: int, page_size: int = PAGE_SIZE) -> int:
    """So many requests show so many messages; that there are none costs one too."""
    return max(1, ceil(messages / page_size))


def _in_timeline(world: World, chat: Chat) -> int:
    roots_only = chat.mode != "topic"
    return sum(
        is_in_timeline(message, world.now_ms, world.switches, roots_only)
        for message in chat.timeline
    )


def _threads(chat: Chat) -> Iterator[Thread]:
    for message in chat.timeline:
        if message.thread is not None and message.thread.root is message:
            yield message.thread


def _in_thread(world: World, thread: Thread) -> int:
    root = [thread.root] if world.switches.thread_lists_root else []
    return sum(is_listed(each, world.now_ms, world.switches) for each in [*root, *thread.replies])
