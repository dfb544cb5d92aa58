"""People as the contacts tell of them.

In: a tenant, ids. Out: the items of a reply, or `Refused`.
Refuses to know: HTTP, and who may ask at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from feishu_source.sandbox.community import Community
from feishu_source.sandbox.parameters import Query, one_of, required
from feishu_source.sandbox.refusals import Refused, invalid
from feishu_source.sandbox.tenant import User

CONTACT_SCOPE = "contact:contact.base:readonly"
"""Without it nobody may ask about people."""
MOST_USERS = 50
_BASE, _EMPLOYEE = "contact:user.base:readonly", "contact:user.employee:readonly"
_DEPARTMENT = "contact:user.department:readonly"
FIELD_SCOPES: Mapping[str, str] = {
    **dict.fromkeys(("name", "en_name", "nickname", "avatar"), _BASE),
    **dict.fromkeys(("department_ids", "leader_user_id", "orders"), _DEPARTMENT),
    **dict.fromkeys(("status", "city", "country", "work_station", "join_time"), _EMPLOYEE),
    **dict.fromkeys(("is_tenant_manager", "employee_no", "employee_type"), _EMPLOYEE),
    **dict.fromkeys(("enterprise_email", "job_title", "custom_attrs"), _EMPLOYEE),
    "user_id": "contact:user.employee_id:readonly",
    "email": "contact:user.email:readonly",
    "mobile": "contact:user.phone:readonly",
    "gender": "contact:user.gender:readonly",
}
"""Which scope each field needs; what is not here comes without one."""


def users_of(world: Community, query: Query) -> list[dict[str, Any]]:
    """The people who were asked for and are in the app's range.

    Whether one who is not is left out, as is documented, or spoils the request with the code that
    is documented too, is a switch. A bot is nobody whom the contacts know.
    """
    one_of(query, "user_id_type", ("open_id",), "open_id")
    ids = required(query, "user_ids").split(",")
    if len(ids) > MOST_USERS:
        raise invalid(40001, "user_ids", "", f"there are more than {MOST_USERS}")
    if not all(each.startswith("ou_") for each in ids):
        raise invalid(40001, "user_ids", "", "one of them is no open_id")
    found = [user for each in dict.fromkeys(ids) if (user := _in_range(world, each))]
    if world.switches.out_of_range == "refused" and len(found) < len(set(ids)):
        raise Refused(41050)
    return [user_item(world, user) for user in found]


def _in_range(world: Community, open_id: str) -> User | None:
    user = world.users.get(open_id)
    known = user is not None and user.in_range and user.tenant_key == world.tenant_key
    return user if known else None


def user_item(world: Community, user: User) -> dict[str, Any]:
    """All fields of a person for which the app has the scope."""
    digest = blake2b(user.user_id.encode(), digest_size=16).hexdigest()
    told = {
        "open_id": user.user_id,
        "union_id": f"on_{digest}",
        "user_id": digest[:8],
        "name": user.name,
        "mobile_visible": True,
        "status": {
            "is_frozen": False,
            "is_resigned": user.resigned,
            "is_activated": True,
            "is_exited": False,
            "is_unjoin": False,
        },
        **user.contact,
    }
    return {
        name: value
        for name, value in told.items()
        if name not in FIELD_SCOPES or FIELD_SCOPES[name] in world.scopes
    }
