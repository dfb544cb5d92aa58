-- Which files and links are shared, and how often?
--
-- One row a kind (link, image, file, audio, media, folder, sticker) and name, the most shared
-- first: of a link its address, of a file its name. Images and others without a name are one row.
-- Recalled: not counted; what they shared is gone.
-- Bots: counted in `shared`; `people` are people alone.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: files of one name need not be the same file.
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

shares as (
  select message_id, 'link' as kind, url as name from message_links
  union all
  select message_id, resource_type as kind, file_name as name from message_resources
)

select
  s.kind,
  s.name,
  count(*) as shared,
  count(distinct case when m.sender_type = 'user' then m.sender_id end) as people,
  count(distinct m.chat_id) as chats,
  max(m.create_time) as last_shared
from shares as s
join counted as m on m.message_id = s.message_id
where not m.deleted
group by s.kind, s.name
order by shared desc, s.kind, s.name nulls first
