-- Which chats are loaded, up to when, and what is missing?
--
-- One row a chat that a load has met, troubled ones first, then those furthest behind.
-- `behind_minutes`: from the end of what is covered to the end of the range (by default, now).
-- `messages` and `last_message`: what is held of the range, system messages left out.
-- Recalled: counted.
-- Bots: counted.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: `complete` is the judgement of the last load that read the chat.
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

held as (
  select chat_id, count(*) as messages, max(create_time) as last_message
  from counted
  group by chat_id
)

select
  coalesce(s.chat_name, c.name, s.chat_id) as chat,
  s.status,
  s.covered_from,
  s.covered_until,
  case
    when s.covered_until < cast($until as timestamptz)
    then cast(
      floor(date_diff('millisecond', s.covered_until, cast($until as timestamptz)) / 60000.0)
      as bigint
    )
    when s.covered_until is not null then 0
  end as behind_minutes,
  s.threads_covered,
  s.owed_threads,
  coalesce(h.messages, 0) as messages,
  h.last_message,
  s.error_code,
  s.error_message,
  s.advice_en as next_step,
  s.chat_id
from sync_coverage as s
left join chats as c on c.chat_id = s.chat_id
left join held as h on h.chat_id = s.chat_id
order by
  case s.status when 'failed' then 0 when 'skipped' then 1 when 'partial' then 2 else 3 end,
  behind_minutes desc nulls first,
  s.chat_id
