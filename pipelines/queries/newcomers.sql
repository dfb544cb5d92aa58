-- Who wrote for the first time, and did they stay?
--
-- One row a person whose first message of all that are held falls into the range, the newest
-- first; what they wrote since counts up to the end of the range.
-- Recalled: counted, for something was said.
-- Bots: left out, and so are anonymous messages.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: without --since everybody is new. Where the history was loaded from some day on, who was
-- silent since then seems new.
with counted as (
  select *
  from messages
  where create_time >= cast($since as timestamptz)
    and create_time < cast($until as timestamptz)
    and msg_type <> 'system'
    and (
      coalesce(sync_to_chat_type, 0) <> 1
      or coalesce(related_message_id, '') not in (
        select message_id from messages where sync_to_chat_type = 2
      )
    )
),

before_then as (
  select sender_id
  from messages
  where create_time < cast($since as timestamptz)
    and msg_type <> 'system'
    and sender_type = 'user'
    and sender_id is not null
  group by sender_id
),

named as (
  select
    *,
    row_number() over (partition by sender_id order by create_time, message_id) as place
  from counted
  where sender_type = 'user'
    and sender_id is not null
    and sender_id not in (select sender_id from before_then)
),

people as (
  select member_id, max(name) as name from chat_members group by member_id
)

select
  coalesce(max(p.name), max(n.sender_name), n.sender_id) as person,
  min(n.create_time) as first_message,
  max(case when n.place = 1 then coalesce(c.name, n.chat_id) end) as first_chat,
  count(*) as messages,
  count(distinct n.chat_id) as chats,
  count(distinct cast(n.create_time at time zone $timezone as date)) as days,
  max(n.create_time) as last_message,
  n.sender_id as person_id
from named as n
left join chats as c on c.chat_id = n.chat_id
left join people as p on p.member_id = n.sender_id
group by n.sender_id
order by first_message desc, person_id
