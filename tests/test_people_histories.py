"""Any history of people: who joins, hides, comes back, and loads that ask, break off or die.

After each load: everybody who was due was asked for, unless it broke off; nobody was asked for who
was not; each row is what the contacts told when they last told, or tells that they did not.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from feishu_source.api.auth import AppIdentity
from feishu_source.api.budget import Budget
from feishu_source.api.client import Client
from feishu_source.arrow import Row
from feishu_source.errors import StopError
from feishu_source.people import MISSING_PERIODS, People, due
from feishu_source.sandbox import Fault, Sandbox, Switches, World
from feishu_source.sandbox.contacts import CONTACT_SCOPE, FIELD_SCOPES
from feishu_source.settings import Settings
from feishu_source.tables import USERS
from tests.determinism import Direct

PATH = "/open-apis/contact/v3/users/batch"
PERIOD_S = 7 * 86_400
BREAKS = ("missing_scope", "html_502", "unknown_code", "quota", "reset_connection", "cut_json")


class Histories(RuleBasedStateMachine):
    """One tenant, the rows of `users`, and what each person was when last told of."""

    @initialize(out_of_range=st.sampled_from(["left out", "refused"]))
    def begin(self, out_of_range: Any) -> None:
        """Both documented readings of who is out of range."""
        self.world = World(seed=2, switches=Switches(out_of_range=out_of_range))
        self.world.scopes |= {CONTACT_SCOPE, *FIELD_SCOPES.values()}
        self.sandbox = Sandbox(self.world)
        self.held: dict[str, Row] = {}
        self.told: dict[str, str] = {}
        self.asked_s: dict[str, int] = {}
        self.people: list[str] = []
        self.join(3)

    @rule(number=st.sampled_from([1, 2, 60, 130]))
    def join(self, number: int) -> None:
        """New people; now and then a bot that was mentioned by its open_id."""
        for _ in range(number):
            self.people.append(self.world.add_user(f"Person {len(self.people)}"))
        bot = self.world.users[self.world.add_bot("Robot")]
        self.people += [str(bot.open_bot_id), bot.user_id]

    @rule(chance=st.randoms(use_true_random=False), hidden=st.booleans())
    def move(self, chance: Any, hidden: bool) -> None:
        """Some leave the range, or come back; all of them have another name."""
        for person in chance.sample(self.people, min(3, len(self.people))):
            if person in self.world.users:
                self.world.hide_contact(person, hidden)
                self.world.users[person].name += "!"

    @rule(days=st.sampled_from([0, 1, 6, 7, 21, 28]))
    def wait(self, days: int) -> None:
        """Time passes."""
        self.world.advance(days * 86_400)

    @rule()
    def load(self) -> None:
        """One that asks for all that are due."""
        self.ask()

    @rule(name=st.sampled_from(BREAKS), after=st.integers(0, 3))
    def load_in_trouble(self, name: str, after: int) -> None:
        """One that breaks off, or has to stop."""
        self.sandbox.inject(Fault(name, PATH, times=None, after=after))
        self.ask(whole=False)
        self.sandbox.clear_faults()

    @rule(most=st.integers(1, 6))
    def load_with_few_requests(self, most: int) -> None:
        """One that may make no more than so many."""
        self.ask(whole=False, most=most)

    @rule(portions=st.integers(0, 1))
    def load_that_dies(self, portions: int) -> None:
        """One of which so many portions are loaded."""
        self.ask(whole=False, portions=portions)

    def ask(
        self, *, whole: bool = True, most: int | None = None, portions: int | None = None
    ) -> None:
        """One round, and all that must hold after it."""
        now_s = self.world.now_ms // 1_000
        self.sandbox.clear_requests()
        wanted = self.expected(now_s)
        found = due(self.people, self.held, now_s, PERIOD_S)
        assert set(found) == wanted, "not those who are due"
        new = [person not in self.held for person in found]
        assert new == sorted(new, reverse=True), "somebody new has to wait"
        before = dict(self.held)
        written = self.take(found, now_s, most, portions)
        counted = Counter(
            person
            for request in self.sandbox.requests
            if request.path == PATH and request.code == 0
            for person in request.query["user_ids"].split(",")
        )
        assert set(counted) <= wanted, "asked for without need"
        if whole:
            assert max(counted.values(), default=1) == 1, "told of twice"
            assert written == wanted, "left out"
        self.assert_rows(before, written, now_s)

    def expected(self, now_s: int) -> set[str]:
        """Who is due, as the promise has it."""
        wanted = set()
        for person in self.people:
            if person.startswith("cli_"):
                continue
            periods = 1 if self.is_ok(person) else MISSING_PERIODS
            if person not in self.held or now_s - self.asked_s[person] >= periods * PERIOD_S:
                wanted.add(person)
        return wanted

    def is_ok(self, person: str) -> bool:
        """Whether the contacts told of them when last asked."""
        return person in self.held and self.of(person)["status"] == "ok"

    def of(self, person: str) -> dict[str, Any]:
        """Their row."""
        return dict(zip(USERS.names, self.held[person], strict=True))

    def take(self, ids: list[str], now_s: int, most: int | None, portions: int | None) -> set[str]:
        """Who was loaded, until the load died or had to stop."""
        written: set[str] = set()
        sandbox = self.sandbox
        client = Client(
            AppIdentity(sandbox.app_id, sandbox.app_secret),
            "http://127.0.0.1",
            Settings(workers=2, attempts=2, back_off_base_s=0.0, requests_per_second=1_000_000.0),
            budget=Budget(most),
            carrier=Direct(sandbox),
            sleep=lambda seconds: None,
        )
        rounds = People(client, dict(self.held), now_s * 1_000).ask(ids)
        with suppress(StopError):
            for number, rows in enumerate(rounds):
                if number == portions:
                    break
                for row in rows:
                    self.held[row[0]] = row
                    self.asked_s[row[0]] = now_s
                    written.add(row[0])
        return written

    def assert_rows(self, before: dict[str, Row], written: set[str], now_s: int) -> None:
        """Those that were written now are true; all others are as they were."""
        for person, row in self.held.items():
            if person not in written:
                assert row == before[person]
                continue
            user, told = self.world.users.get(person), self.of(person)
            if user is not None and user.in_range:
                self.told[person] = user.name
                assert (told["status"], told["error_code"]) == ("ok", None)
                assert told["last_read_at"] == now_s * 1_000
            else:
                assert (told["status"], told["error_code"]) == ("out_of_range", 41050)
            assert told["name"] == self.told.get(person), "what was told is gone"

    def teardown(self) -> None:
        """In the end everybody is in range, and everybody is told of."""
        if not hasattr(self, "world"):
            return
        for person in self.people:
            if person in self.world.users:
                self.world.hide_contact(person, False)
        self.world.advance(MISSING_PERIODS * PERIOD_S)
        self.ask()
        known = {person for person in self.people if person in self.world.users}
        known -= {person for person in known if person.startswith("cli_")}
        assert {person for person in self.people if self.is_ok(person)} == known


def test_any_history_of_people_keeps_the_promises() -> None:
    """Whoever comes and goes, and however loads end."""
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=60,
            stateful_step_count=15,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
