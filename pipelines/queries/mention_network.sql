-- Who mentions whom?
--
-- One row a pair of writer and mentioned, the closest first: edges of a graph.
-- Recalled: not counted; who was mentioned is gone with the words.
-- Bots: theirs are left out, and so are anonymous ones; a bot that is mentioned stays.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: @all is nobody in particular and left out; two mentions in one message are two.
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

people as (
  select member_id, max(name) as name from chat_members group by member_id
)

select
  coalesce(max(w.name), max(m.sender_name), m.sender_id) as writer,
  coalesce(max(p.name), max(n.mentioned_name), n.mentioned_id) as mentioned,
  count(*) as mentions,
  count(distinct m.chat_id) as chats,
  max(m.create_time) as last_mention,
  m.sender_id as writer_id,
  n.mentioned_id
from message_mentions as n
join counted as m on m.message_id = n.message_id
left join people as w on w.member_id = m.sender_id
left join people as p on p.member_id = n.mentioned_id
where m.sender_type = 'user'
  and m.sender_id is not null
  and not m.deleted
  and n.mentioned_id is not null
  and n.mentioned_id <> 'all'
group by m.sender_id, n.mentioned_id
order by mentions desc, writer_id, mentioned_id
