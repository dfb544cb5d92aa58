"""What came back is taken in: items into the intake, trouble into the visit or into all of them.

In: pages, and the errors that came in the place of one. Out: rows, merged forwards that are being
opened, chats that ended, and the reason that ended everything. Refuses to ask for anything itself.
"""

from __future__ import annotations

from typing import Any

from feishu_source.api import Client, Page
from feishu_source.batch import Intake, Listed
from feishu_source.coverage import Wanted
from feishu_source.errors import FeishuError, is_lost
from feishu_source.opener import Opener
from feishu_source.reactions import Reactions
from feishu_source.visit import Poll, Visit


class Reception:
    """For all visits of a load.

    `listed` counts the items that came. `stopped_by`: what ended the walk.
    """

    def __init__(
        self,
        client: Client,
        wanted: Wanted,
        intake: Intake,
        opener: Opener,
        reactions: Reactions,
    ) -> None:
        self._client = client
        self._wanted = wanted
        self._intake = intake
        self._opener = opener
        self._reactions = reactions
        self._network_failures = 0
        self.listed = 0
        self.stopped_by: FeishuError | None = None

    def receive(self, visit: Visit, page: Page, poll: Poll | None = None) -> set[str]:
        """Takes the items in; the merged forwards among them that are still being opened."""
        visit.listed += len(page.items)
        self.listed += len(page.items)
        server_ms = int((page.server_time_s or self._wanted.as_of_s) * 1_000)
        # What an earlier load began, or owes, claims more than what is wanted now.
        begun_s = visit.walk.start_s if visit.walk else self._wanted.start_s
        owed = begun_s < self._wanted.start_s or (poll is not None and poll.owed)
        self._intake.add(Listed(visit.chat_id, page.items, server_ms, poll is not None, owed))
        for one in self._intake.take_unopened():
            self._opener.take_listed(visit, one)
        self._reactions.note(visit, poll)
        if not visit.openings:
            return set()
        ids = {
            message_id
            for each in page.items
            if isinstance(message_id := each.get("message_id"), str)
        }
        return ids & visit.openings.keys()

    def note_answer(self, result: Any) -> None:
        """Any answer, a refusal too, shows that the network is up."""
        if not is_lost(result):
            self._network_failures = 0

    def fail(self, visit: Visit, error: FeishuError) -> None:
        """Ends a chat; too many in a row that the network ended are the end of all."""
        visit.fail(error)
        if is_lost(error):
            self._network_failures += 1
            if self._network_failures >= self._client.settings.most_chats_lost:
                self.stop(error)

    def stop(self, error: FeishuError) -> None:
        """Ends the walk after what is under way; the first reason counts."""
        self.stopped_by = self.stopped_by or error
        self._client.cancel()  # nobody waits for another attempt
