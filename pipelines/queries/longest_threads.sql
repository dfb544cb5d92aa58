-- Which threads went on for longest?
--
-- The 50 threads with the most replies in the range, whenever they began.
-- Recalled: recalled replies are not counted; a recalled beginning has no text.
-- Bots: their replies count; `people` are people who replied.
-- Copies: not looked at; a thread reply that was also sent to the chat is read in its thread.
-- Mind: where the beginning was not loaded, `started`, `begun_by` and `beginning` are empty.
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

replies as (
  select
    thread_id,
    chat_id,
    max(root_id) as root_id,
    count(*) as replies,
    count(distinct case when sender_type = 'user' then sender_id end) as people,
    max(create_time) as last_reply
  from counted
  where thread_id is not null
    and coalesce(thread_message_position <> -1, root_id is not null)
    and not deleted
  group by thread_id, chat_id
),

people as (
  select member_id, max(name) as name from chat_members group by member_id
)

select
  coalesce(c.name, r.chat_id) as chat,
  m.text as beginning,
  coalesce(p.name, m.sender_name, m.sender_id) as begun_by,
  r.replies,
  r.people,
  m.create_time as started,
  r.last_reply,
  r.thread_id
from replies as r
left join messages as m on m.message_id = r.root_id
left join chats as c on c.chat_id = r.chat_id
left join people as p on p.member_id = m.sender_id
order by r.replies desc, r.last_reply desc, r.thread_id
limit 50
