-- Every chat in the order in which it reads: replies in threads under the message they hang from.
--
-- Read it with `where chat_id = '…' order by reading_order`, which counts from 1 in each chat.
-- Recalled: kept, without text; `deleted` tells.
-- Bots: kept; `sender_type` tells.
-- Copies: left out, where the reply itself is held and stands in its thread.
-- Mind: a thread stands where it began, however late its replies; where its beginning was not
-- loaded, it stands where its first reply does.
with members as (
  select member_id, max(name) as name from chat_members group by member_id
),

placed as (
  select
    m.*,
    coalesce(m.thread_id, m.message_id) as place,
    m.thread_id is not null
      and coalesce(m.thread_message_position <> -1, m.root_id is not null) as is_thread_reply,
    min(m.create_time) over (
      partition by m.chat_id, coalesce(m.thread_id, m.message_id)
    ) as place_time
  from messages as m
  left join messages as o on o.message_id = m.related_message_id and o.sync_to_chat_type = 2
  where coalesce(m.sync_to_chat_type, 0) <> 1 or o.message_id is null
)

select
  m.chat_id,
  c.name as chat_name,
  row_number() over (
    partition by m.chat_id
    order by
      m.place_time,
      m.place,
      case when m.is_thread_reply then 1 else 0 end,
      m.create_time,
      coalesce(m.thread_message_position, m.message_position, 0),
      m.message_id
  ) as reading_order,
  m.message_id,
  m.thread_id,
  m.is_thread_reply,
  m.create_time,
  m.sender_id,
  m.sender_type,
  coalesce(m.sender_name, p.name) as sender_name,
  m.msg_type,
  m.text,
  m.deleted,
  m.updated
from placed as m
left join chats as c on c.chat_id = m.chat_id
left join members as p on p.member_id = m.sender_id
