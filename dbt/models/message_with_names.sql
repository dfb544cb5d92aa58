-- One row a message, with the names of its sender and its chat.
-- Written again: messages that a load has written, messages whose chat or sender has another name
-- now, copies whose original came or went. Equal to a full refresh after every run.
{{ config(
    unique_key='message_id',
    post_hook="delete from {{ this }} where message_id not in
      (select message_id from {{ source('feishu', 'messages') }})"
) }}

with members as (
  select member_id, max(name) as name from {{ source('feishu', 'chat_members') }} group by member_id
),

named as (
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
    coalesce(m.sync_to_chat_type, 0) = 1 and o.message_id is not null as is_copy,
    m.content_hash,
    m._dlt_load_id
  from {{ source('feishu', 'messages') }} as m
  left join {{ source('feishu', 'chats') }} as c on c.chat_id = m.chat_id
  left join members as p on p.member_id = m.sender_id
  left join {{ source('feishu', 'messages') }} as o
    on o.message_id = m.related_message_id and o.sync_to_chat_type = 2
)

select n.* from named as n
{% if is_incremental() %}
left join {{ this }} as t on t.message_id = n.message_id
where t.message_id is null
  or t._dlt_load_id <> n._dlt_load_id
  or t.content_hash <> n.content_hash
  or t.is_copy <> n.is_copy
  or t.chat_name is distinct from n.chat_name
  or t.chat_mode is distinct from n.chat_mode
  or t.sender_name is distinct from n.sender_name
{% endif %}
