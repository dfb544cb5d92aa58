-- At which hours of the week do people write?
--
-- One row an hour of the week in which somebody wrote: `weekday` is 1 for Monday to 7 for Sunday,
-- `hour` 0 to 23 on the clock of the asked time zone.
-- Recalled: counted, for something was said.
-- Bots: left out, for they keep to timetables; anonymous messages count, their people do not.
-- Copies: a thread reply that was also sent to the chat counts once, as the reply.
-- Mind: where the clocks change, one hour in spring holds nothing and one in autumn is twice as
-- long.
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
  date_diff(
    'day', cast('1970-01-05' as date), cast(create_time at time zone $timezone as date)
  ) % 7 + 1 as weekday,
  cast(extract(hour from create_time at time zone $timezone) as bigint) as hour,
  count(*) as messages,
  count(distinct case when sender_type = 'user' then sender_id end) as people
from counted
where coalesce(sender_type, 'unknown') <> 'app'
group by 1, 2
order by 1, 2
