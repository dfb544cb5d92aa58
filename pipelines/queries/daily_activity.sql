-- How much was said each day, and by how many?
--
-- One row a day on which something was said; days without a message have no row.
-- Recalled: counted, for something was said; `recalled` tells how many of them were recalled.
-- Bots: counted in `messages`, told apart in `by_bots`; `people` are people alone.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: people who wrote anonymously count in `messages`, not in `people`.
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
)

select
  cast(create_time at time zone $timezone as date) as day,
  count(*) as messages,
  count(case
    when thread_id is not null and coalesce(thread_message_position <> -1, root_id is not null)
    then 1
  end) as thread_replies,
  count(distinct chat_id) as chats,
  count(distinct case when sender_type = 'user' then sender_id end) as people,
  count(case when sender_type = 'app' then 1 end) as by_bots,
  count(case when deleted then 1 end) as recalled
from counted
group by 1
order by 1
