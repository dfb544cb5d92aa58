-- One row a message, with the names of its sender and its chat.
--
-- Recalled: kept, without text; `deleted` tells.
-- Bots: kept; `sender_type` tells.
-- Copies: kept; `is_copy` is true where the reply itself is held too: count what is not a copy.
-- Mind: a sender's name is the one that stood on the message, else the member list's.
with members as (
  select member_id, max(name) as name from chat_members group by member_id
)

select
  m.message_id,
  m.chat_id,
  c.name as chat_name,
  c.chat_mode,
  m.thread_id,
  m.root_id,
  m.parent_id,
  m.msg_type,
  m.create_time,
  m.update_time,
  m.deleted,
  m.updated,
  m.sender_id,
  m.sender_type,
  coalesce(m.sender_name, p.name) as sender_name,
  m.text,
  m.title,
  m.file_name,
  m.mention_count,
  m.mentions_all,
  m.message_app_link,
  m.thread_id is not null
    and coalesce(m.thread_message_position <> -1, m.root_id is not null) as is_thread_reply,
  coalesce(m.sync_to_chat_type, 0) = 1 and o.message_id is not null as is_copy
from messages as m
left join chats as c on c.chat_id = m.chat_id
left join members as p on p.member_id = m.sender_id
left join messages as o on o.message_id = m.related_message_id and o.sync_to_chat_type = 2
