-- How long do threads wait for a first answer, chat by chat?
--
-- One row a chat with threads that a person began in the range; an answer is the first reply by
-- another person, given before the range ends. Minutes are rounded down to tenths; median and
-- 90 % are times that occurred (nearest rank), of answered threads alone.
-- Recalled: neither a recalled beginning nor a recalled reply counts.
-- Bots: neither their threads nor their replies count, nor do anonymous ones.
-- Copies: not looked at; a thread reply that was also sent to the chat is read in its thread.
-- Mind: in an ordinary group a thread is there only once somebody replied in it, so few of them
-- are without an answer; in topic groups every message begins one. Hours of the night count too.
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

roots as (
  select *
  from counted
  where thread_id is not null
    and not coalesce(thread_message_position <> -1, root_id is not null)
    and sender_type = 'user'
    and not deleted
),

waits as (
  select
    r.chat_id,
    r.thread_id,
    date_diff('millisecond', min(r.create_time), min(a.create_time)) as wait_ms
  from roots as r
  left join messages as a
    on a.thread_id = r.thread_id
    and a.message_id <> r.message_id
    and a.sender_type = 'user'
    and a.sender_id <> r.sender_id
    and not a.deleted
    and a.create_time < cast($until as timestamptz)
  group by r.chat_id, r.thread_id
),

ranked as (
  select
    chat_id,
    wait_ms,
    row_number() over (partition by chat_id order by wait_ms nulls last, thread_id) as place,
    count(wait_ms) over (partition by chat_id) as answered
  from waits
)

select
  coalesce(max(c.name), r.chat_id) as chat,
  r.chat_id,
  count(*) as threads,
  count(r.wait_ms) as answered,
  cast(floor(min(case when r.place * 2 >= r.answered then r.wait_ms end) / 6000.0) as bigint)
    / 10.0 as median_minutes,
  cast(floor(min(case when r.place * 10 >= r.answered * 9 then r.wait_ms end) / 6000.0) as bigint)
    / 10.0 as p90_minutes,
  cast(floor(max(r.wait_ms) / 6000.0) as bigint) / 10.0 as longest_minutes
from ranked as r
left join chats as c on c.chat_id = r.chat_id
group by r.chat_id
order by threads desc, r.chat_id
