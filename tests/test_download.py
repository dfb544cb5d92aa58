"""A file through the door: whatever happens on the way, its bytes are those of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from feishu_source.errors import (
    FileRefused,
    RequestsSpent,
    RetriesExhausted,
    ScopeMissing,
    StopError,
    UnknownCode,
)
from feishu_source.sandbox import Fault, Switches
from feishu_source.sandbox.bodies import media_body
from feishu_source.sandbox.files import StoredFile
from tests.small_tenant import Tenant, served_tenant

RESOURCE = "/open-apis/im/v1/messages/:message_id/resources/:file_key"
CONTENT = bytes(range(256)) * 4_096
"""A megabyte: sixteen chunks."""


class Memory:
    """A sink that remembers where it was begun, and in which chunks it was filled."""

    def __init__(self, held: bytes = b"", etag: str | None = None) -> None:
        self.content, self.etag = held, etag
        self.begun: list[tuple[int, int | None]] = []
        self.longest = 0

    @property
    def size(self) -> int:
        """Bytes it holds."""
        return len(self.content)

    def begin(self, total: int | None, etag: str | None) -> None:
        """Remembers what was there and how much there will be."""
        self.begun.append((self.size, total))
        self.etag = etag

    def write(self, chunk: bytes) -> None:
        """Keeps it."""
        self.longest = max(self.longest, len(chunk))
        self.content += chunk

    def restart(self) -> None:
        """Begins anew."""
        self.content, self.etag = b"", None


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    """A tenant on loopback."""
    with served_tenant() as tenant:
        yield tenant


def send(tenant: Tenant, stored: StoredFile, key: str = "file_v3_a", kind: str = "file") -> str:
    """A message with a file; its id."""
    tenant.world.files[key] = stored
    return tenant.world.post(tenant.chat_id, body=media_body(kind, key, name="a.bin"))


def inject(tenant: Tenant, name: str, times: int | None = 1, code: int = 987654) -> None:
    """Something goes wrong with downloads."""
    tenant.sandbox.inject(Fault(name, path=RESOURCE, times=times, code=code))


def asked(tenant: Tenant) -> int:
    """Requests for files."""
    return sum("/resources/" in request.path for request in tenant.sandbox.requests)


def test_a_file_arrives_in_chunks_with_its_type_and_its_name(tenant: Tenant) -> None:
    """The name is one that no header can hold as it is."""
    message = send(tenant, StoredFile(CONTENT, "報告 2026.pdf", "application/pdf"))
    sink = Memory()
    found = tenant.client().download(message, "file_v3_a", "file", sink)
    assert (found.content_type, found.file_name) == ("application/pdf", "報告 2026.pdf")
    assert sink.content == CONTENT
    assert sink.longest == 64 * 1024
    assert sink.begun == [(0, len(CONTENT))]


def test_an_empty_file_is_a_file(tenant: Tenant) -> None:
    """No byte is a length too."""
    message, sink = send(tenant, StoredFile(b"", "empty")), Memory()
    assert tenant.client().download(message, "file_v3_a", "file", sink).file_name == "empty"
    assert (sink.content, sink.begun) == (b"", [(0, 0)])


@pytest.mark.parametrize("name", ["cut_file", "stalled_file"])
@pytest.mark.parametrize(
    ("switches", "second"),
    [
        (Switches(), (len(CONTENT) // 2, len(CONTENT))),
        (Switches(file_etag=False), (len(CONTENT) // 2, len(CONTENT))),
        (Switches(file_ranges=False), (0, len(CONTENT))),
        (Switches(file_disposition=False), (len(CONTENT) // 2, len(CONTENT))),
    ],
    ids=["ranges", "no etag", "no ranges", "no disposition"],
)
def test_a_file_that_broke_off_is_gone_on_with_where_that_is_possible(
    tenant: Tenant, name: str, switches: Switches, second: tuple[int, int]
) -> None:
    """Where the server knows no ranges, it comes from its beginning."""
    tenant.sandbox.switches = switches
    message, sink = send(tenant, StoredFile(CONTENT)), Memory()
    inject(tenant, name)
    tenant.client(read_timeout_s=0.2).download(message, "file_v3_a", "file", sink)
    assert sink.content == CONTENT
    assert sink.begun == [(0, len(CONTENT)), second]
    assert asked(tenant) == 2


def test_another_part_than_was_asked_for_is_thrown_away(tenant: Tenant) -> None:
    """Then the whole is asked for: a file made of two that do not fit would pass for one."""
    message, sink = send(tenant, StoredFile(CONTENT)), Memory()
    inject(tenant, "cut_file")
    inject(tenant, "wrong_range")
    tenant.client().download(message, "file_v3_a", "file", sink)
    assert sink.content == CONTENT
    assert asked(tenant) == 3


def test_a_beginning_of_another_version_is_not_gone_on_with(tenant: Tenant) -> None:
    """The server says that it has another one, and gives the whole."""
    message, sink = send(tenant, StoredFile(CONTENT)), Memory(b"older", '"other"')
    tenant.client().download(message, "file_v3_a", "file", sink)
    assert (sink.content, asked(tenant)) == (CONTENT, 1)


def test_nothing_is_left_to_be_sent_of_a_file_that_is_there(tenant: Tenant) -> None:
    """The connection was lost behind its last byte."""
    stored = StoredFile(CONTENT)
    message, sink = send(tenant, stored), Memory(CONTENT, stored.etag)
    tenant.client().download(message, "file_v3_a", "file", sink)
    assert (sink.content, sink.begun, asked(tenant)) == (CONTENT, [], 1)


def test_more_than_the_file_has_is_thrown_away(tenant: Tenant) -> None:
    """It cannot be of this version."""
    stored = StoredFile(b"short")
    message, sink = send(tenant, stored), Memory(b"much longer", stored.etag)
    tenant.client().download(message, "file_v3_a", "file", sink)
    assert (sink.content, asked(tenant)) == (b"short", 2)


@pytest.mark.parametrize("status", [200, 400])
def test_a_refusal_is_one_at_any_status(tenant: Tenant, status: int) -> None:
    """JSON comes where a file was asked for."""
    tenant.sandbox.switches = Switches(code_http_status=status)  # type: ignore[arg-type]
    message, sink = send(tenant, StoredFile(b"x")), Memory()
    with pytest.raises(FileRefused) as refused:
        tenant.client().download(message, "file_other", "file", sink)
    assert (refused.value.code, refused.value.msg) == (234003, "File not in msg.")
    assert (sink.content, asked(tenant)) == (b"", 1)


def test_a_file_of_somebody_that_looks_like_a_refusal_is_a_file(tenant: Tenant) -> None:
    """It comes with a name."""
    words = b'{"code": 99991403, "msg": "The API calls of this month have been used up."}'
    message = send(tenant, StoredFile(words, "log.json", "application/json"))
    sink = Memory()
    tenant.client().download(message, "file_v3_a", "file", sink)
    assert sink.content == words


def test_json_without_a_code_is_a_file_whatever_it_comes_with(tenant: Tenant) -> None:
    """A refusal always has one."""
    tenant.sandbox.switches = Switches(file_disposition=False)
    message = send(tenant, StoredFile(b'{"a": 1}', None, "application/json"))
    sink = Memory()
    tenant.client().download(message, "file_v3_a", "file", sink)
    assert sink.content == b'{"a": 1}'


@pytest.mark.parametrize(
    "name", ["html_200", "html_502", "reset_connection", "rate_limited", "internal_2200"]
)
def test_trouble_on_the_way_is_waited_out(tenant: Tenant, name: str) -> None:
    """A page for people is no file, and neither is nothing."""
    message, sink = send(tenant, StoredFile(CONTENT)), Memory()
    inject(tenant, name)
    tenant.client().download(message, "file_v3_a", "file", sink)
    assert (sink.content, asked(tenant)) == (CONTENT, 2)


def test_a_token_that_was_revoked_is_renewed(tenant: Tenant) -> None:
    """As for any other call."""
    message, sink = send(tenant, StoredFile(CONTENT)), Memory()
    inject(tenant, "token_revoked")
    tenant.client().download(message, "file_v3_a", "file", sink)
    assert sink.content == CONTENT


def test_a_redirect_is_refused(tenant: Tenant) -> None:
    """The token goes nowhere else, and no other host's bytes become a file."""
    message, sink = send(tenant, StoredFile(CONTENT)), Memory()
    inject(tenant, "redirect_307")
    with pytest.raises(StopError, match=r"redirects to 127\.0\.0\.1"):
        tenant.client().download(message, "file_v3_a", "file", sink)
    assert (sink.content, tenant.sandbox.redirected) == (b"", [])


def test_a_file_that_always_breaks_off_fails(tenant: Tenant) -> None:
    """After as many attempts as any call has; what came is in the sink."""
    tenant.sandbox.switches = Switches(file_ranges=False)
    message, sink = send(tenant, StoredFile(CONTENT)), Memory()
    inject(tenant, "cut_file", times=None)
    with pytest.raises(RetriesExhausted, match="the reply was cut short"):
        tenant.client(attempts=3).download(message, "file_v3_a", "file", sink)
    assert (sink.content, asked(tenant)) == (CONTENT[: len(CONTENT) // 2], 3)


def _restrict(tenant: Tenant, message: str) -> None:
    tenant.world.chats[tenant.chat_id].restricted = True


def _leave(tenant: Tenant, message: str) -> None:
    tenant.world.chats[tenant.chat_id].bot_in = False


def _enlarge(tenant: Tenant, message: str) -> None:
    tenant.world.files["file_v3_a"] = StoredFile(b"", size=100 * 1024 * 1024 + 1)


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda tenant, message: tenant.world.recall(message), 230110),
        (_restrict, 234038),
        (_leave, 234004),
        (_enlarge, 234037),
    ],
)
def test_what_cannot_be_had_is_told_by_its_code(
    tenant: Tenant, happens: Callable[[Tenant, str], None], code: int
) -> None:
    """Of this file alone: neither chat nor load fail."""
    message = send(tenant, StoredFile(b"x"))
    happens(tenant, message)
    with pytest.raises(FileRefused) as refused:
        tenant.client().download(message, "file_v3_a", "file", Memory())
    assert refused.value.code == code


def test_a_sticker_is_refused(tenant: Tenant) -> None:
    """By the API; a load does not even ask."""
    message = tenant.world.post(tenant.chat_id, body=media_body("sticker", "st_1"))
    with pytest.raises(FileRefused) as refused:
        tenant.client().download(message, "st_1", "file", Memory())
    assert refused.value.code == 234043


def test_what_is_forwarded_is_asked_for_by_the_outermost_message(tenant: Tenant) -> None:
    """Two levels down; the key does not stand in the forward that was asked for alone."""
    world = tenant.world
    inner = send(tenant, StoredFile(CONTENT))
    outer = world.forward(tenant.chat_id, None, [world.forward(tenant.chat_id, None, [inner])])
    sink = Memory()
    tenant.client().download(outer, "file_v3_a", "file", sink)
    assert sink.content == CONTENT


def test_an_unknown_code_and_a_missing_scope_are_what_they_are_elsewhere(tenant: Tenant) -> None:
    """The first is of this file, the second of all."""
    message = send(tenant, StoredFile(b"x"))
    inject(tenant, "unknown_code", code=239999)
    with pytest.raises(UnknownCode):
        tenant.client().download(message, "file_v3_a", "file", Memory())
    tenant.world.scopes.clear()
    with pytest.raises(ScopeMissing):
        tenant.client().download(message, "file_v3_a", "file", Memory())


def test_a_sink_may_refuse_and_the_connection_is_not_used_again(tenant: Tenant) -> None:
    """What was not read must not become another file's beginning."""

    class Refusing(Memory):
        def begin(self, total: int | None, etag: str | None) -> None:
            raise RequestsSpent(7)

    client, message = tenant.client(workers=1), send(tenant, StoredFile(CONTENT))
    with pytest.raises(RequestsSpent):
        client.download(message, "file_v3_a", "file", Refusing())
    sink = Memory()
    client.download(message, "file_v3_a", "file", sink)
    assert sink.content == CONTENT


@pytest.mark.parametrize("key", ["", "..", "a/b", "a?b", "a#b", "-a", "a\n", "ä", "x" * 600])
def test_what_is_no_key_is_not_asked_for(tenant: Tenant, key: str) -> None:
    """No path and no query can hide in one: a message's sender may have written it."""
    with pytest.raises(ValueError, match="not a key"):
        tenant.client().download("om_1", key, "file", Memory())
    assert asked(tenant) == 0
