-- How often are messages edited or recalled, chat by chat?
--
-- One row a chat in which something was said, the most recalls first.
-- Recalled: counted; one that was edited and then recalled counts as both.
-- Bots: counted, for cards are edited by bots; `edited_by_bots` tells how many.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: an edit or a recall is known since the message was last read; older ones may lag behind
-- (see the README on what is promised).
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
  coalesce(max(c.name), m.chat_id) as chat,
  m.chat_id,
  count(*) as messages,
  count(case when m.updated then 1 end) as edited,
  count(case when m.updated and m.sender_type = 'app' then 1 end) as edited_by_bots,
  count(case when m.deleted then 1 end) as recalled,
  cast(floor(1000.0 * count(case when m.updated then 1 end) / count(*) + 0.5) as bigint)
    / 10.0 as edited_percent,
  cast(floor(1000.0 * count(case when m.deleted then 1 end) / count(*) + 0.5) as bigint)
    / 10.0 as recalled_percent
from counted as m
left join chats as c on c.chat_id = m.chat_id
group by m.chat_id
order by recalled desc, edited desc, m.chat_id
