-- One row a name that somebody bore, a person or a bot, with when loads saw it.
--
-- `first_seen_at` to `last_seen_at`: when an answer of Feishu's bore the name, as far as rows show.
-- `is_current`: true of one name of each.
-- Recalled: counted, for the sender stays known; mentions are gone with the words.
-- Bots: their names too; one that was mentioned is another `person_id`, an open_id.
-- Copies: counted, for they bear the same name.
-- Mind: a row that is read again bears the name of then, so `last_seen_at` of an old name moves
-- back; the name itself stays. Nothing tells whether a message shows the name of when it was sent
-- or of when it was read: the current name is that of the newest message or member list, which is
-- right either way.
with seen as (
  select
    sender_id as person_id,
    sender_name as name,
    last_listed_at as seen_at,
    create_time as told_at
  from messages
  union all
  select
    sender_id as person_id,
    sender_name as name,
    last_listed_at as seen_at,
    create_time as told_at
  from forwarded_messages
  union all
  select
    n.mentioned_id as person_id,
    n.mentioned_name as name,
    m.last_listed_at as seen_at,
    m.create_time as told_at
  from message_mentions as n
  join messages as m on m.message_id = n.message_id
  where n.mentioned_id <> 'all'
  union all
  select
    member_id as person_id,
    name,
    last_listed_at as seen_at,
    last_listed_at as told_at
  from chat_members
  union all
  select
    open_id as person_id,
    name,
    last_read_at as seen_at,
    last_read_at as told_at
  from users
  union all
  select
    person_id,
    name,
    first_seen_at as seen_at,
    cast(null as timestamptz) as told_at
  from names_seen
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
