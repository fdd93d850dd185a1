-- Takes ids off the head of a window's list. A record that ends before a moment is removed; any other is entered like those
-- that never were new. Says how many it took, and how many records it removed.
-- KEYS: the list, the set of windows, the index of the kind, what is due; then the record of each id
-- ARGV: the window; the moment, or '' if none is to be removed; then of each record its id and its name among what is due
local before = tonumber(ARGV[2])
local taken, removed = 0, 0
for i = 5, #KEYS do
  local id, name = ARGV[2 * i - 7], ARGV[2 * i - 6]
  -- Somebody else takes them too, and has been here meanwhile.
  if redis.call('LINDEX', KEYS[1], 0) ~= id then
    break
  end
  local moment = string.match(redis.call('GETRANGE', KEYS[i], 24, 45), '^ (%S+)\n')
  if moment and before and moment ~= '-' and tonumber(moment) < before then
    removed = removed + redis.call('DEL', KEYS[i])
    -- It may have been new twice, or have been made to end earlier.
    redis.call('ZREM', KEYS[3], id)
    redis.call('ZREM', KEYS[4], name)
  elseif moment then
    redis.call('ZADD', KEYS[3], 0, id)
    if moment ~= '-' then
      redis.call('ZADD', KEYS[4], moment, name)
    end
  end
  redis.call('LPOP', KEYS[1])
  taken = taken + 1
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[1])
end
return { taken, removed }
