-- One row a person or a bot that wrote, was mentioned or is a member, with the name borne now.
-- Made anew by every run: there are fewer people than messages.
{{ config(materialized='table') }}

with seen as (
  select
    sender_id as person_id,
    sender_id_type as id_type,
    case when sender_type = 'user' or sender_type = 'app' then sender_type end as kind,
    sender_tenant_key as tenant_key,
    sender_name as name,
    last_listed_at as seen_at,
    create_time as told_at,
    1 as is_sender,
    0 as is_mentioned,
    0 as is_member
  from {{ source('feishu', 'messages') }}
  union all
  select
    sender_id as person_id,
    sender_id_type as id_type,
    case when sender_type = 'user' or sender_type = 'app' then sender_type end as kind,
    sender_tenant_key as tenant_key,
    sender_name as name,
    last_listed_at as seen_at,
    create_time as told_at,
    0 as is_sender,
    0 as is_mentioned,
    0 as is_member
  from {{ source('feishu', 'forwarded_messages') }}
  union all
  select
    n.mentioned_id as person_id,
    n.mentioned_id_type as id_type,
    cast(null as text) as kind,
    n.mentioned_tenant_key as tenant_key,
    n.mentioned_name as name,
    m.last_listed_at as seen_at,
    m.create_time as told_at,
    0 as is_sender,
    1 as is_mentioned,
    0 as is_member
  from {{ source('feishu', 'message_mentions') }} as n
  join {{ source('feishu', 'messages') }} as m on m.message_id = n.message_id
  where n.mentioned_id <> 'all'
  union all
  select
    member_id as person_id,
    member_id_type as id_type,
    'user' as kind,
    tenant_key,
    name,
    last_listed_at as seen_at,
    last_listed_at as told_at,
    0 as is_sender,
    0 as is_mentioned,
    1 as is_member
  from {{ source('feishu', 'chat_members') }}
  union all
  select
    open_id as person_id,
    'open_id' as id_type,
    case when last_read_at is not null then 'user' end as kind,
    cast(null as text) as tenant_key,
    name,
    last_read_at as seen_at,
    last_read_at as told_at,
    0 as is_sender,
    0 as is_mentioned,
    0 as is_member
  from {{ source('feishu', 'users') }}
  union all
  select
    person_id,
    cast(null as text) as id_type,
    cast(null as text) as kind,
    cast(null as text) as tenant_key,
    name,
    first_seen_at as seen_at,
    cast(null as timestamptz) as told_at,
    0 as is_sender,
    0 as is_mentioned,
    0 as is_member
  from {{ source('feishu', 'names_seen') }}
),

people as (
  select
    person_id,
    max(id_type) as id_type,
    max(kind) as kind,
    max(tenant_key) as tenant_key,
    count(distinct name) as names,
    min(seen_at) as first_seen_at,
    max(seen_at) as last_seen_at,
    max(is_sender) as is_sender,
    max(is_mentioned) as is_mentioned,
    max(is_member) as is_member
  from seen
  where person_id is not null
  group by person_id
),

named as (
  select
    person_id,
    name,
    row_number() over (
      partition by person_id
      order by
        case when told_at is null then 1 else 0 end,
        told_at desc,
        seen_at desc,
        name
    ) as newest
  from seen
  where person_id is not null and name is not null
)

select
  p.person_id,
  p.id_type,
  p.kind,
  n.name,
  p.tenant_key,
  p.names,
  p.first_seen_at,
  p.last_seen_at,
  p.is_sender = 1 as is_sender,
  p.is_mentioned = 1 as is_mentioned,
  p.is_member = 1 as is_member
from people as p
left join named as n on n.person_id = p.person_id and n.newest = 1
