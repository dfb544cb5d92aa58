-- Every chat in the order in which it reads: replies in threads under the message they hang from.
-- Written again: whole chats, since one late reply moves all that follows it; those in which a
-- message or a name changed. Equal to a full refresh after every run.
{{ config(
    unique_key='chat_id',
    post_hook="delete from {{ this }} where chat_id not in
      (select chat_id from {{ source('feishu', 'messages') }})"
) }}

with placed as (
  select
    m.*,
    n.chat_name,
    n.sender_name as name_of_sender,
    n.is_thread_reply,
    coalesce(m.thread_id, m.message_id) as place,
    min(m.create_time) over (
      partition by m.chat_id, coalesce(m.thread_id, m.message_id)
    ) as place_time
  from {{ source('feishu', 'messages') }} as m
  join {{ ref('message_with_names') }} as n on n.message_id = m.message_id
  where not n.is_copy
)

{% if is_incremental() %}
, changed as (
  select coalesce(t.chat_id, n.chat_id) as chat_id
  from (select * from {{ ref('message_with_names') }} where not is_copy) as n
  full join {{ this }} as t on t.message_id = n.message_id
  where t.message_id is null
    or n.message_id is null
    or t._dlt_load_id <> n._dlt_load_id
    or t.content_hash <> n.content_hash
    or t.chat_name is distinct from n.chat_name
    or t.sender_name is distinct from n.sender_name
)
{% endif %}

select
  chat_id,
  chat_name,
  row_number() over (
    partition by chat_id
    order by
      place_time,
      place,
      case when is_thread_reply then 1 else 0 end,
      create_time,
      coalesce(thread_message_position, message_position, 0),
      message_id
  ) as reading_order,
  message_id,
  thread_id,
  is_thread_reply,
  create_time,
  sender_id,
  sender_type,
  name_of_sender as sender_name,
  msg_type,
  text,
  deleted,
  updated,
  content_hash,
  _dlt_load_id
from placed
{% if is_incremental() %}
where chat_id in (select chat_id from changed)
{% endif %}
