-- Replaces a record of one version, after one that is new has been written in its shard, if one is to be. The record to
-- replace is entered already. An entry that is too early is put right when its moment comes, so all that may have to be
-- written before the record is an earlier one. Nothing is written where that version does not stand; an error means that it
-- was not replaced.
-- KEYS: the record, what is due; of a new one its record, its window's list and the windows
-- ARGV: the version expected to stand; the value; its name among what is due; when it is due, or '';
--       of a new one the value; its id; its window
local head = redis.call('GETRANGE', KEYS[1], 2, 45)
if string.sub(head, 1, 22) ~= ARGV[1] then
  return 0
end
if KEYS[3] then
  if not redis.call('SET', KEYS[3], ARGV[5], 'NX') then
    return 0
  end
  local entered = redis.pcall('ZADD', KEYS[5], ARGV[7], ARGV[7])
  if type(entered) == 'number' then
    entered = redis.pcall('RPUSH', KEYS[4], ARGV[6])
  end
  if type(entered) ~= 'number' then
    redis.call('DEL', KEYS[3])
    return entered
  end
end
if ARGV[4] ~= '' then
  local moment = string.match(head, '^ (%S+)\n', 23)
  if moment ~= ARGV[4] and (moment == '-' or tonumber(ARGV[4]) < tonumber(moment)) then
    redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
  end
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
