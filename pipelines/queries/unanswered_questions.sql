-- Which questions did nobody answer?
--
-- One row a message with a question mark, the newest first; answered is what another person
-- replied to, quoted, or followed up in its thread before the range ends.
-- Recalled: neither recalled questions nor recalled answers count.
-- Bots: their questions are left out, their answers do not count; nor do anonymous ones.
-- Copies: a thread reply that was also sent to the chat is one question, and an answer to either
-- of the two is an answer.
-- Mind: who simply writes the next message in the chat has answered nothing as far as can be
-- seen. A ? counts where a word or the text ends, so that links are no questions.
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

questions as (
  select *
  from counted
  where sender_type = 'user'
    and not deleted
    and (
      text like '%？%'
      or text like '%?'
      or text like '%? %'
      or text like concat('%?', chr(10), '%')
    )
),

known_as as (
  select message_id as question_id, message_id, sender_id, create_time from questions
  union all
  select message_id, related_message_id, sender_id, create_time
  from questions
  where related_message_id is not null
),

answers as (
  select *
  from messages
  where sender_type = 'user' and not deleted and create_time < cast($until as timestamptz)
),

answered as (
  select k.question_id
  from known_as as k
  join answers as a on a.parent_id = k.message_id and a.sender_id <> k.sender_id
  union
  select k.question_id
  from known_as as k
  join answers as a on a.root_id = k.message_id and a.sender_id <> k.sender_id
  union
  select q.message_id
  from questions as q
  join answers as a
    on a.thread_id = q.thread_id
    and a.sender_id <> q.sender_id
    and a.create_time > q.create_time
),

people as (
  select member_id, max(name) as name from chat_members group by member_id
)

select
  q.create_time as asked,
  date_diff(
    'day',
    cast(q.create_time at time zone $timezone as date),
    cast(cast($until as timestamptz) at time zone $timezone as date)
  ) as days_open,
  coalesce(c.name, q.chat_id) as chat,
  coalesce(p.name, q.sender_name, q.sender_id) as person,
  q.text as question,
  q.message_app_link as link,
  q.message_id
from questions as q
left join chats as c on c.chat_id = q.chat_id
left join people as p on p.member_id = q.sender_id
where q.message_id not in (select question_id from answered)
order by asked desc, q.message_id
