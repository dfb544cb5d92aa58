"""What keeps a second load out of a dataset, wherever it comes from: a lock in the database itself.

In: a client of dlt's, and the statements by which its database locks. Out: a lock that its holder
takes, keeps and gives back. Refuses to know which database it is.

It dies with the connection that holds it: a load that was killed leaves nothing to be tidied up.
What it guards is the staging dataset, which one load empties before another has merged from it. So
shards, which stage apart, run side by side; pipelines of other names do not, and are kept out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any, Protocol

from dlt.common.destination.exceptions import DestinationException


class LoadLock(Protocol):
    """What a load holds from its beginning to its end."""

    def hold(self) -> bool:
        """Takes it, or sees that it is still held; False if another load has it."""

    def release(self) -> None:
        """Lets others load."""


class ConnectionLock:
    """A lock of a connection that is used for nothing else, and opened anew if it was lost.

    `take` ends with a query that says whether the lock was got, and `give` gives it back, if that
    is more than ending the transaction that `is_transaction` says it belongs to.
    """

    def __init__(
        self,
        client: Any,
        take: Sequence[str],
        give: str | None = None,
        *,
        is_transaction: bool = False,
    ) -> None:
        self._client = client
        self._take = take
        self._give = give
        self._is_transaction = is_transaction
        self._held: ExitStack | None = None

    def hold(self) -> bool:
        """Takes the lock, unless it is held and its connection answers; False if another has it.

        Raises:
            DestinationException: the database cannot be reached.
        """
        if self._answers():
            return True
        self.release()
        with ExitStack() as stack:
            stack.enter_context(self._client)
            if self._is_transaction:
                stack.enter_context(self._client.begin_transaction())
            *settings, question = self._take
            for statement in settings:
                self._client.execute_sql(statement)
            ((is_got,),) = self._client.execute_sql(question)
            if not is_got:
                return False
            if self._give:
                stack.callback(self._client.execute_sql, self._give)
            self._held = stack.pop_all()
        return True

    def release(self) -> None:
        """Gives the lock back; with a connection that is lost, it is."""
        held, self._held = self._held, None
        if held is not None:
            with suppress(DestinationException):
                held.close()

    def _answers(self) -> bool:
        if self._held is None:
            return False
        try:
            self._client.execute_sql("SELECT 1")
        except DestinationException:
            return False
        return True


def key_of(staging_dataset: str) -> bytes:
    """By which all loads that stage their rows there know their lock: 32 bytes."""
    return hashlib.sha256(f"feishu-source {staging_dataset}".encode()).digest()
