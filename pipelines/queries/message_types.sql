-- What kinds of messages are sent?
--
-- One row a type as Feishu names it: text, post, image, interactive (cards), …; system messages
-- are left out. `percent` is the share of all messages.
-- Recalled: counted; the type outlives the words.
-- Bots: counted, told apart in `by_bots`; `people` are people alone.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: the list of types is open.
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

types as (
  select
    msg_type,
    count(*) as messages,
    count(case when sender_type = 'app' then 1 end) as by_bots,
    count(distinct case when sender_type = 'user' then sender_id end) as people
  from counted
  group by msg_type
),

total as (select count(*) as messages from counted)

select
  y.msg_type,
  y.messages,
  cast(floor(1000.0 * y.messages / t.messages + 0.5) as bigint) / 10.0 as percent,
  y.by_bots,
  y.people
from types as y
cross join total as t
order by y.messages desc, y.msg_type
