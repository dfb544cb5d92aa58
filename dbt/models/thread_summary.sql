-- One row a thread of which a message is held: how it began, and how it went on.
-- Written again: threads of which a message was written or has gone, and those whose chat, or whose
-- first sender, has another name now. Equal to a full refresh after every run.
{{ config(
    unique_key='thread_id',
    post_hook="delete from {{ this }} where thread_id not in
      (select thread_id from {{ source('feishu', 'messages') }} where thread_id is not null)"
) }}

with summed as (
  select
    m.thread_id,
    m.chat_id,
    max(case when n.is_thread_reply then m.root_id else m.message_id end) as root_message_id,
    count(case when n.is_thread_reply and not m.deleted then 1 end) as replies,
    count(case when n.is_thread_reply and m.deleted then 1 end) as recalled_replies,
    count(distinct case
      when n.is_thread_reply and not m.deleted and m.sender_type = 'user' then m.sender_id
    end) as people,
    min(case when n.is_thread_reply and not m.deleted then m.create_time end) as first_reply_at,
    max(case when n.is_thread_reply and not m.deleted then m.create_time end) as last_reply_at,
    count(*) as messages_held,
    max(m._dlt_load_id) as _dlt_load_id
  from {{ source('feishu', 'messages') }} as m
  join {{ ref('message_with_names') }} as n on n.message_id = m.message_id
  where m.thread_id is not null
  group by m.thread_id, m.chat_id
),

told as (
  select
    s.thread_id,
    s.chat_id,
    c.name as chat_name,
    s.root_message_id,
    r.create_time as started_at,
    r.sender_id as root_sender_id,
    r.sender_type as root_sender_type,
    r.sender_name as root_sender_name,
    r.text as root_text,
    r.deleted as root_recalled,
    s.replies,
    s.recalled_replies,
    s.people,
    s.first_reply_at,
    s.last_reply_at,
    s.messages_held,
    r.content_hash as root_content_hash,
    s._dlt_load_id
  from summed as s
  left join {{ ref('message_with_names') }} as r on r.message_id = s.root_message_id
  left join {{ source('feishu', 'chats') }} as c on c.chat_id = s.chat_id
)

select n.* from told as n
{% if is_incremental() %}
left join {{ this }} as t on t.thread_id = n.thread_id
where t.thread_id is null
  or t._dlt_load_id <> n._dlt_load_id
  or t.messages_held <> n.messages_held
  or t.root_content_hash is distinct from n.root_content_hash
  or t.chat_name is distinct from n.chat_name
  or t.root_sender_name is distinct from n.root_sender_name
{% endif %}
