-- Who writes the most, in how many chats and on how many days?
--
-- One row a person who wrote, the busiest first.
-- Recalled: counted, for something was said; `recalled` tells how many of them were recalled.
-- Bots: left out, and so are anonymous messages, which are nobody's.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: a name is the member list's, else the newest that stood on a message, else the id.
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

people as (
  select member_id, max(name) as name from chat_members group by member_id
),

named as (
  select
    *,
    row_number() over (
      partition by sender_id
      order by case when sender_name is null then 1 else 0 end, create_time desc, message_id
    ) as place
  from counted
  where sender_type = 'user' and sender_id is not null
)

select
  coalesce(max(p.name), max(case when n.place = 1 then n.sender_name end), n.sender_id) as person,
  n.sender_id as person_id,
  count(*) as messages,
  count(case
    when n.thread_id is not null
      and coalesce(n.thread_message_position <> -1, n.root_id is not null)
    then 1
  end) as thread_replies,
  count(case when n.deleted then 1 end) as recalled,
  count(distinct n.chat_id) as chats,
  count(distinct cast(n.create_time at time zone $timezone as date)) as days,
  max(n.create_time) as last_message
from named as n
left join people as p on p.member_id = n.sender_id
group by n.sender_id
order by messages desc, person_id
