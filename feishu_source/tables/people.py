"""People: the names they were seen under, and what contacts tell of them."""

from __future__ import annotations

from feishu_source.tables.table import Table, columns

NAMES_SEEN = Table(
    "names_seen",
    "One row a name under which a load has seen a person or a bot; rows stay after a rename.",
    ("person_id", "name"),
    columns(
        ("person_id", "text", "open_id of a person, app_id of a bot; a mentioned bot's open_id."),
        ("name", "text", "The name: of a sender, in a mention or in a list of members."),
        ("first_seen_at", "ts", "End of the range of the load that saw it first."),
    ),
)

USERS = Table(
    "users",
    "One row a person whose details were asked for (user_details); none without.",
    ("open_id",),
    columns(
        ("open_id", "text", "The person's id: sender_id, mentioned_id, member_id elsewhere."),
        ("status", "text", "ok, out_of_range or refused: when last asked for."),
        ("union_id", "text?", "The person's id for all apps of one developer."),
        ("user_id", "text?", "The person's id in the tenant, the same for all apps."),
        ("name", "text?", "The name."),
        ("en_name", "text?", "The English name."),
        ("nickname", "text?", "The alias."),
        ("email", "text?", "The e-mail address."),
        ("enterprise_email", "text?", "The e-mail address that the company gave."),
        ("job_title", "text?", "What the person is there."),
        ("employee_no", "text?", "The person's number in the company."),
        (
            "employee_type",
            "bigint?",
            "1 employee, 2 intern, 3 outsourced, 4 contractor, 5 adviser.",
        ),
        ("department_ids", "json?", "Ids of the departments, od-…, a JSON list of strings."),
        ("leader_user_id", "text?", "open_id of whom the person reports to."),
        ("is_frozen", "bool?", "True if the account is suspended."),
        ("is_resigned", "bool?", "True if the person has left the company."),
        ("is_activated", "bool?", "True if the account is in use."),
        ("is_exited", "bool?", "True if the person has left by themselves, not yet resigned."),
        (
            "error_code",
            "bigint?",
            "Feishu's code if the person was not told of; 41050 if without any.",
        ),
        ("last_asked_at", "ts", "End of the range of the load that asked last."),
        ("last_read_at", "ts?", "End of the range of the load that was last told of the person."),
    ),
)
