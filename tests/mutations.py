"""The rules of the synchronisation, each broken on purpose: what `make mutate` tries.

In: nothing. Out: exact replacements in the source. Each applies exactly once, or fails loudly: so
the list cannot rot unseen (`tests.test_mutations`). What runs them is `tests.mutate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """A rule, and how the source would look if nobody had thought of it."""

    rule: str
    module: str
    before: str
    after: str

    def apply(self, root: Path) -> None:
        """Breaks the rule in a copy of the tree.

        Raises:
            LookupError: the source has moved; the replacement has to move with it.
        """
        path = root / "feishu_source" / self.module
        source = path.read_text("utf-8")
        if source.count(self.before) != 1:
            raise LookupError(f"{self.rule}: {self.module} has not exactly one {self.before!r}")
        path.write_text(source.replace(self.before, self.after), "utf-8")


MUTATIONS = (
    Mutation(
        "a page is claimed after the merged forwards in it",
        "reader.py",
        "visit.note_page(page.items, self.threads.show(visit, page.items) | forwards)",
        "visit.note_page(page.items, self.threads.show(visit, page.items))",
    ),
    Mutation(
        "a thread is settled after the merged forwards in it",
        "threads.py",
        "if not poll.waits_for:",
        "if True:",
    ),
    Mutation(
        "a merged forward that was opened keeps its row",
        "opener.py",
        "mark in self._asked or (mark in state.forwards and not opens_all)",
        "False",
    ),
    Mutation(
        "reactions that could not be had are owed",
        "reactions.py",
        "            owe(asked.visit.state, asked.found_s, due_s)\n",
        "",
    ),
    Mutation(
        "reactions of a reply are owed where its root stands",
        "reactions.py",
        "if not self.from_thread:",
        "if True:",
    ),
    Mutation(
        "reactions that the end of a slice cut off are owed",
        "walk.py",
        "        self._reader.reactions.leave()\n",
        "",
    ),
    Mutation(
        "the last reactions of a slice fill no batch and are asked for",
        "walk.py",
        "if self.stopped_by or not self._reader.reactions.flush():",
        "if True:",
    ),
    Mutation(
        "reactions that are all taken back leave a tombstone",
        "batch.py",
        "        self._collected.add_children(REACTIONS, stub(",
        "        if rows:\n            self._collected.add_children(REACTIONS, stub(",
    ),
    Mutation(
        "reactions of a recalled message go",
        "batch.py",
        "            self.put_reactions(message_id, chat_id, created, [])\n        else:",
        "            return\n        else:",
    ),
    Mutation(
        "reactions are owed until their time was read again",
        "reaction_debt.py",
        "    if from_s >= until_s:  # all of it came\n",
        "    if True:\n",
    ),
    Mutation(
        "reactions whose rereading was given up stay owed",
        "reaction_debt.py",
        "    if walk.at_s < walk.stop_s:\n",
        "    if False:\n",
    ),
    Mutation(
        "a refused batch of reactions is halved whole",
        "reactions.py",
        "parts = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]",
        "parts = [batch[: len(batch) // 2]]",
    ),
    Mutation(
        "a page is claimed after the threads of its roots",
        "visit.py",
        "while self.pages and not self.pages[0].waits_for:",
        "while self.pages:",
    ),
    Mutation(
        "a head begins a look-back before what is covered",
        "coverage.py",
        "return max(until - wanted.look_back_s, first, 0)",
        "return max(until, first, 0)",
    ),
    Mutation(
        "each chat has a cursor of its own",
        "session.py",
        "ChatState.from_dict(claims.get(chat_id, {}))",
        "ChatState.from_dict(next(iter(claims.values()), {}))",
    ),
    Mutation(
        "chats come by their oldest claim",
        "walk.py",
        "self._due.sort(key=_urgency)",
        "self._due.sort(key=lambda visit: visit.chat_id)",
    ),
    Mutation(
        "a poll goes on behind the newest known reply",
        "hot.py",
        "return min(newest_ms - LATE_MS, head_start_s * 1_000)\n\n\ndef owe",
        "return newest_ms\n\n\ndef owe",
    ),
    Mutation(
        "a thread that failed is owed",
        "threads.py",
        "        owe(known, poll.thread_id, poll.stop_ms, begun=poll.pages > 0)\n",
        "",
    ),
    Mutation(
        "what is owed is asked for again",
        "threads.py",
        "threads += [self._owed_poll(visit, thread_id) for thread_id in state.owed]",
        "pass",
    ),
    Mutation(
        "a silence is measured from the last poll, not from what is covered",
        "walk.py",
        "polled_s=state.polled_s or 0)",
        "polled_s=state.covered_until_s or 0)",
    ),
    Mutation(
        "a hot thread that is about to cool is polled once more",
        "hot.py",
        "if silence_s < rule.every_load_s or silence_s >= rule.hot_s:\n        return True",
        "if silence_s < rule.every_load_s or silence_s >= rule.hot_s:\n"
        "        return silence_s < rule.hot_s",
    ),
    Mutation(
        "a silent thread is polled ever more rarely, but it is polled",
        "hot.py",
        "return instant_s <= now_s",
        "return False",
    ),
    Mutation(
        "a thread that is refused stays hot until its time is over",
        "hot.py",
        "if newest_ms <= OWED or now_s - newest_ms / 1_000 >= rule.hot_s:",
        "if True:",
    ),
    Mutation(
        "a sweep is stamped as of when it was opened",
        "windows.py",
        "        finish(visit.state, walk, self._wanted.ladder)\n",
        "        walk.as_of_s = self._wanted.as_of_s\n"
        "        finish(visit.state, walk, self._wanted.ladder)\n",
    ),
    Mutation(
        "a rung begins its age before it was last swept",
        "rungs.py",
        "return swept_s.get(rung.key, now_s) - rung.age_s",
        "return now_s - rung.age_s",
    ),
    Mutation(
        "a listing begins before what is claimed",
        "reader.py",
        "max(0, stretch.start_s - STEP_BACK_S)",
        "stretch.start_s",
    ),
    Mutation(
        "a listing ends after its window",
        "reader.py",
        "STEP_BACK_S), stretch.stop_s + 1",
        "STEP_BACK_S), stretch.stop_s",
    ),
    Mutation(
        "a chat is cut only where its claim grew",
        "windows.py",
        "(self._is_full() and visit.grew)",
        "self._is_full()",
    ),
    Mutation(
        "a page token lives inside one slice",
        "visit.py",
        "if self.listing is None or not self.listing.holds:",
        "if self.listing is None:",
    ),
    Mutation(
        "between two stretches nothing is left out",
        "stretches.py",
        "if self.ahead and self.ahead[0].start_s <= reached_s:",
        "if self.ahead:",
    ),
    Mutation(
        "what a load has read is never inferred from the claims",
        "coverage.py",
        'if "head" not in done:',
        "if (state.covered_until_s or 0) < wanted.stop_s:",
    ),
    Mutation(
        "of two versions in one package one is emitted",
        "batch.py",
        "if seen is version:",
        "if seen:",
    ),
    Mutation(
        "the second version of a message is held for the next slice",
        "batch.py",
        "            self._hold(replace(listed, items=[item]))\n",
        "            return\n",
    ),
    Mutation(
        "children that are gone leave a tombstone",
        "parsing.py",
        "        if rows:\n            self.rows[table.name].extend(rows)",
        "        if True:\n            self.rows[table.name].extend(rows)",
    ),
    Mutation(
        "what is left of a first load claims no threads that a window left out",
        "coverage.py",
        "    for each in (walk, *state.walks.values()):",
        "    for each in (walk,):",
    ),
    Mutation(
        "a window that does not touch what is covered claims nothing",
        "coverage.py",
        "elif walk.start_s <= state.covered_until_s and walk.at_s >= state.covered_from_s:",
        "else:",
    ),
    Mutation(
        "a witness is quiet since before the window of the chat that is left out",
        "idle.py",
        "self._places[witness] < place and newest_s < start_s",
        "self._places[witness] < place",
    ),
    Mutation(
        "a chat proves nothing of those above it",
        "idle.py",
        "self._places[witness] < place and newest_s < start_s",
        "newest_s < start_s",
    ),
    Mutation(
        "a chat that something else moved up bears no witness",
        "idle.py",
        "newest_s >= self._newest_below_s[self._places[chat_id]]",
        "newest_s",
    ),
    Mutation(
        "what is proven is believed but for a look-back",
        "idle.py",
        "min(known_s, wanted.stop_s) - wanted.look_back_s",
        "min(known_s, wanted.stop_s)",
    ),
    Mutation(
        "a proof moves no claim",
        "coverage.py",
        "state.idle_until_s = max(as_of_s, state.idle_until_s or 0)",
        "state.covered_until_s = as_of_s",
    ),
    Mutation(
        "a silent chat is read again in time",
        "idle.py",
        "return now_s - newest_s >= growth * silence_s or now_s - read_s >= rule.most_s * share",
        "return False",
    ),
    Mutation(
        "a chat that could not be read is asked again, however idle",
        "windows.py",
        'visit.state.troubled = visit.status != "complete"',
        "visit.state.troubled = False",
    ),
    Mutation(
        "a name has a row of its own, once",
        "names_seen.py",
        "if pair not in self._known:",
        "if True:",
    ),
    Mutation(
        "nobody is asked about before the period is over",
        "people.py",
        "return bool(now_s * 1_000 - row[_ASKED] >= periods * period_s * 1_000)",
        "return True",
    ),
    Mutation(
        "a refusal that does not say whom it means is halved",
        "people.py",
        "if len(open_ids) > 1:",
        "if False:",
    ),
    Mutation(
        "what was told of a person stays when nobody tells any more",
        "user_rows.py",
        "list(before or (nothing",
        "list((nothing",
    ),
    Mutation(
        "a load without threads withdraws the claim on them",
        "coverage.py",
        "    state.threads_covered = False\n    for walk in",
        "    for walk in",
    ),
    Mutation(
        "the scope of newer announcements is missed by those alone",
        "roster.py",
        'return self._whole(of, chat_id, read, scope="newer announcements")',
        "return self._whole(of, chat_id, read)",
    ),
    Mutation(
        "a chat that announces nothing is no refusal",
        "api/context.py",
        "if refused.code not in _NOTHING:",
        "if True:",
    ),
)
