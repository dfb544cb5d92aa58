"""Threads: the API lists their replies apart, so each is asked for, and again while it is hot.

In: pages of timelines that show threads, and the pages of the threads themselves. Out: rows into
the intake; in a chat's state which threads are hot and which are owed. Refuses to know windows, and
which chat comes next.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from feishu_source.api import Client, Page
from feishu_source.batch import Intake
from feishu_source.coverage import ChatState, Wanted, forget_threads
from feishu_source.errors import (
    ChatRefused,
    FeishuError,
    Interrupted,
    MalformedId,
    RequestsSpent,
    StopError,
    ThreadRefused,
)
from feishu_source.hot import OWED, cool_early, due, owe, refuse, settle, stop_ms
from feishu_source.reception import Reception
from feishu_source.rows import Item
from feishu_source.status import EndedPoll, thread_row
from feishu_source.visit import Poll, Visit, is_flat_reply, is_reply_in_thread
from feishu_source.workers import Job, Workers


class Threads:
    """Asks for threads and takes them in, for all visits of a load.

    `settled` counts the polls that reached their stop.
    """

    def __init__(
        self, client: Client, wanted: Wanted, intake: Intake, workers: Workers, reception: Reception
    ) -> None:
        self._client = client
        self._wanted = wanted
        self._intake = intake
        self._workers = workers
        self._reception = reception
        self._ended: dict[str, EndedPoll] = {}
        self.settled = 0

    def take_rows(self) -> list[tuple[Any, ...]]:
        """Rows of `threads` since the last call: one a thread, of its last poll."""
        ended, self._ended = self._ended, {}
        # One that never showed its root is left out: the thread's last row is worth more.
        return [thread_row(each) for each in ended.values() if each.poll.root_id is not None]

    def ask_known(self, visit: Visit) -> None:
        """Asks for owed threads, and with a head for the hot ones.

        The head is not finished before they are read, and an open one is gone on with by the next
        load from the same start: so a load that dies in between skips no poll that was due.
        """
        if not self._wanted.threads:
            return
        state, walk = visit.state, visit.walk
        threads: list[Poll] = []
        if not visit.owed_asked:
            visit.owed_asked = True
            threads += [self._owed_poll(visit, thread_id) for thread_id in state.owed]
        if not visit.hot_asked and walk is not None and walk.kind == "head":
            visit.hot_asked = True
            wanted = self._wanted
            hot = due(state.hot_threads, visit.polled_s, wanted.as_of_s, wanted.hot)
            threads += [self._hot_poll(visit, thread_id) for thread_id in hot]
        for poll in threads:
            self._open_poll(visit, poll)

    def _owed_poll(self, visit: Visit, thread_id: str) -> Poll:
        """A poll of an owed thread: whole, or as far as the last one should have gone."""
        if visit.state.hot_threads[thread_id] < OWED:
            return self._hot_poll(visit, thread_id)
        return Poll(thread_id, None, visit.state.root_times_ms.get(thread_id), owed=True)

    def _hot_poll(self, visit: Visit, thread_id: str) -> Poll:
        """A poll of a hot thread: newest first, down to what was known and to the head's start."""
        head_start_s = visit.walk.start_s if visit.walk else 0
        return Poll(
            thread_id,
            root_time_ms=visit.state.root_times_ms.get(thread_id),
            owed=True,
            stop_ms=stop_ms(visit.state.hot_threads[thread_id], head_start_s),
        )

    def show(self, visit: Visit, items: list[Item]) -> set[str]:
        """Asks for the threads that a page of the timeline shows; its claim waits for these."""
        shown = self._threads_of(visit, items)
        for poll in shown:
            self._tell_root(visit, poll)
            if poll.thread_id not in visit.polls and not visit.was_polled(poll):
                self._open_poll(visit, poll)
        return {poll.thread_id for poll in shown} & visit.polls.keys()

    def _threads_of(self, visit: Visit, items: list[Item]) -> list[Poll]:
        """The threads that a page of the timeline shows, if they are to be polled."""
        if not self._wanted.threads:
            return []
        flat_asked = self._client.flat_topics
        if visit.state.flat and not flat_asked:  # nobody knows since when replies are left out
            visit.state.flat = False
            if visit.walk:
                forget_threads(visit.state, visit.walk)
        if flat_asked and visit.mode == "topic" and not visit.state.flat:
            visit.state.flat = any(map(is_flat_reply, items))
            if visit.state.flat:
                visit.state.hot_threads = dict.fromkeys(visit.state.owed, OWED)
        if flat_asked and visit.state.flat:
            return []
        polls: dict[str, Poll] = {}
        for item in items:
            thread_id = item.get("thread_id")
            if isinstance(thread_id, str) and thread_id:
                poll = polls.get(thread_id) or self._poll_of(visit, thread_id)
                polls[thread_id] = poll
                # The timeline of an ordinary group or a p2p chat shows nothing of a thread but
                # its root, even where that is itself a plain reply.
                if visit.mode in ("group", "p2p") or not is_reply_in_thread(item):
                    poll.set_root(item)
        return list(polls.values())

    def _tell_root(self, visit: Visit, shown: Poll) -> None:
        """Tells a poll of this slice, under way or ended, the root that the timeline shows."""
        ended = self._ended.get(shown.thread_id)
        poll = visit.polls.get(shown.thread_id) or (ended and ended.poll)
        if poll and shown.root_id:
            poll.root_id, poll.root_time_ms = shown.root_id, shown.root_time_ms
            if shown.thread_id in visit.state.root_times_ms:
                visit.state.root_times_ms[shown.thread_id] = shown.root_time_ms or 0

    def _poll_of(self, visit: Visit, thread_id: str) -> Poll:
        """In a head a hot thread is read down to what is known; any other is read whole."""
        is_head = visit.walk is not None and visit.walk.kind == "head"
        if is_head and visit.state.hot_threads.get(thread_id):
            return self._hot_poll(visit, thread_id)
        return Poll(thread_id)

    def _open_poll(self, visit: Visit, poll: Poll) -> None:
        visit.polled[poll.thread_id] = poll.stop_ms is None
        visit.polls[poll.thread_id] = poll
        visit.threads_polled += 1
        self._ask_thread(visit, poll, None)

    def _ask_thread(self, visit: Visit, poll: Poll, token: str | None) -> None:
        fetch = self._client.fetch_messages
        newest_first = poll.stop_ms is not None
        call = partial(fetch, "thread", poll.thread_id, descending=newest_first, page_token=token)
        self._workers.add(Job("thread", visit, call, poll))

    def take(self, visit: Visit, poll: Poll, page: Page | FeishuError) -> None:
        """Takes in a page of a thread, or the error that came in its place."""
        if isinstance(page, FeishuError):
            self.fail(visit, poll, page)
            return
        for message_id in self._reception.receive(visit, page, poll):
            visit.openings[message_id].polls.append(poll)
            poll.waits_for.add(message_id)
        poll.note(page.items)
        if page.stalled or page.next_page_token in poll.tokens:
            self.fail(visit, poll, page.broken_off(f"list thread {poll.thread_id}"))
            return
        if page.next_page_token is not None and not poll.reached(page.items):
            poll.tokens.add(page.next_page_token)
            self._ask_thread(visit, poll, page.next_page_token)
            return
        poll.at_end = True
        if not poll.waits_for:
            self.conclude(visit, poll)

    def conclude(self, visit: Visit, poll: Poll) -> None:
        """The thread was read, and what is forwarded in it."""
        self._settle(visit.state, poll)
        until_ms = self._intake.bounds.until_ms
        if until_ms is not None and poll.newest_ms >= until_ms and visit.walk:
            forget_threads(visit.state, visit.walk)
        self._end_poll(visit, poll, None)

    def _settle(self, state: ChatState, poll: Poll) -> None:
        """The thread was read to its stop: it is hot from its newest reply on, or no longer."""
        thread_id, rule = poll.thread_id, self._wanted.hot
        self.settled += 1
        settle(state.hot_threads, thread_id, poll.newest_ms, self._wanted.as_of_s, rule)
        if thread_id in state.hot_threads and (poll.pages > 1 or not poll.root_listed):
            state.root_times_ms[thread_id] = poll.root_time_ms or 0
        if len(state.hot_threads) > rule.most + rule.most_owed:
            state.hot_since_ms = cool_early(state.hot_threads, rule) or state.hot_since_ms
        if len(state.root_times_ms) > len(state.hot_threads):
            known = state.root_times_ms.items()
            state.root_times_ms = {k: ms for k, ms in known if k in state.hot_threads}

    def fail(self, visit: Visit, poll: Poll, error: FeishuError) -> None:
        """What an error means for a thread: it is refused, owed, or ends its chat, or all."""
        if isinstance(error, StopError | Interrupted):
            self._reception.stop(error)  # its page stays unclaimed
            return
        if isinstance(error, ThreadRefused | MalformedId):
            wanted = self._wanted
            refuse(visit.state.hot_threads, poll.thread_id, wanted.as_of_s, wanted.hot)
        elif isinstance(error, ChatRefused) or not self._owe(visit, poll):
            visit.pages.clear()  # what waits for this thread cannot be claimed
            self._reception.fail(visit, error)
        else:
            visit.leave_owed(error)
        self._end_poll(visit, poll, error)

    def _owe(self, visit: Visit, poll: Poll) -> bool:
        """Remembers a thread as still to be read; False if the chat owes too many.

        One that is in the state already makes it no larger.
        """
        known = visit.state.hot_threads
        if len(visit.state.owed) >= self._wanted.hot.most_owed and poll.thread_id not in known:
            return False
        owe(known, poll.thread_id, poll.stop_ms, begun=poll.pages > 0)
        if poll.root_time_ms:  # by then the root may be older than what is listed
            visit.state.root_times_ms[poll.thread_id] = poll.root_time_ms
        return True

    def _end_poll(self, visit: Visit, poll: Poll, error: FeishuError | None) -> None:
        visit.end_poll(poll.thread_id)
        if isinstance(error, RequestsSpent):
            return  # nothing was learnt of it
        now_ms = int((self._client.server_time_s or self._wanted.as_of_s) * 1_000)
        self._ended[poll.thread_id] = EndedPoll(visit.chat_id, poll, now_ms, error)
