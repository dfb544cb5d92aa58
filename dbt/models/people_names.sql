-- One row a name that somebody bore, a person or a bot, with when loads saw it.
-- Made anew by every run: there are fewer names than messages.
{{ config(materialized='table') }}

with seen as (
  select
    sender_id as person_id,
    sender_name as name,
    last_listed_at as seen_at,
    create_time as told_at
  from {{ source('feishu', 'messages') }}
  union all
  select
    sender_id as person_id,
    sender_name as name,
    last_listed_at as seen_at,
    create_time as told_at
  from {{ source('feishu', 'forwarded_messages') }}
  union all
  select
    n.mentioned_id as person_id,
    n.mentioned_name as name,
    m.last_listed_at as seen_at,
    m.create_time as told_at
  from {{ source('feishu', 'message_mentions') }} as n
  join {{ source('feishu', 'messages') }} as m on m.message_id = n.message_id
  where n.mentioned_id <> 'all'
  union all
  select
    member_id as person_id,
    name,
    last_listed_at as seen_at,
    last_listed_at as told_at
  from {{ source('feishu', 'chat_members') }}
  union all
  select
    open_id as person_id,
    name,
    last_read_at as seen_at,
    last_read_at as told_at
  from {{ source('feishu', 'users') }}
  union all
  select
    person_id,
    name,
    first_seen_at as seen_at,
    cast(null as timestamptz) as told_at
  from {{ source('feishu', 'names_seen') }}
),

named as (
  select
    person_id,
    name,
    min(seen_at) as first_seen_at,
    max(seen_at) as last_seen_at,
    max(told_at) as told_at
  from seen
  where person_id is not null and name is not null
  group by person_id, name
),

ranked as (
  select
    person_id,
    name,
    first_seen_at,
    last_seen_at,
    row_number() over (
      partition by person_id
      order by
        case when told_at is null then 1 else 0 end,
        told_at desc,
        last_seen_at desc,
        name
    ) as newest
  from named
)

select person_id, name, first_seen_at, last_seen_at, newest = 1 as is_current from ranked
