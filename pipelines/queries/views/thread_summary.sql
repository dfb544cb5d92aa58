-- One row a thread of which a message is held: how it began, and how it went on.
--
-- Recalled: counted apart in `recalled_replies`; a recalled beginning has no text.
-- Bots: their replies count; `people` are people who replied.
-- Copies: a reply that was also sent to the chat is a reply, its copy is in no thread.
-- Mind: where the beginning was not loaded, its columns are empty but for `root_message_id`.
with parts as (
  select
    *,
    coalesce(thread_message_position <> -1, root_id is not null) as is_thread_reply
  from messages
  where thread_id is not null
),

summed as (
  select
    thread_id,
    chat_id,
    max(case when is_thread_reply then root_id else message_id end) as root_message_id,
    count(case when is_thread_reply and not deleted then 1 end) as replies,
    count(case when is_thread_reply and deleted then 1 end) as recalled_replies,
    count(distinct case
      when is_thread_reply and not deleted and sender_type = 'user' then sender_id
    end) as people,
    min(case when is_thread_reply and not deleted then create_time end) as first_reply_at,
    max(case when is_thread_reply and not deleted then create_time end) as last_reply_at
  from parts
  group by thread_id, chat_id
),

members as (
  select member_id, max(name) as name from chat_members group by member_id
)

select
  s.thread_id,
  s.chat_id,
  c.name as chat_name,
  s.root_message_id,
  r.create_time as started_at,
  r.sender_id as root_sender_id,
  r.sender_type as root_sender_type,
  coalesce(r.sender_name, p.name) as root_sender_name,
  r.text as root_text,
  r.deleted as root_recalled,
  s.replies,
  s.recalled_replies,
  s.people,
  s.first_reply_at,
  s.last_reply_at
from summed as s
left join messages as r on r.message_id = s.root_message_id
left join chats as c on c.chat_id = s.chat_id
left join members as p on p.member_id = r.sender_id
