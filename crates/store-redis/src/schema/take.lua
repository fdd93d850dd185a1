-- Takes ids off the head of a window's list. A record that ends before a moment is removed; any other is entered like those
-- that never were new. Says how many it took, and how many records it removed.
-- KEYS: the list, the windows, the index of the kind, what is due; then the record of each id
-- ARGV: the window; the moment, or '' if none is to be removed; then of each record its id and its name among what is due
local before = tonumber(ARGV[2])
local taken, removed = 0, 0
local over, ids, names = {}, {}, {}
for i, id in ipairs(redis.call('LRANGE', KEYS[1], 0, #KEYS - 5)) do
  -- Somebody else takes them too, and has been here meanwhile.
  if id ~= ARGV[2 * i + 1] then
    break
  end
  local key, name = KEYS[i + 4], ARGV[2 * i + 2]
  local moment = string.match(redis.call('GETRANGE', key, 24, 45), '^ (%S+)\n')
  if moment and before and moment ~= '-' and tonumber(moment) < before then
    over[#over + 1], ids[#ids + 1], names[#names + 1] = key, id, name
  elseif moment then
    redis.call('ZADD', KEYS[3], 0, id)
    if moment ~= '-' then
      redis.call('ZADD', KEYS[4], moment, name)
    end
  end
  taken = taken + 1
end
if #over > 0 then
  removed = redis.call('DEL', unpack(over))
  -- They may have been new twice, or have been made to end earlier.
  redis.call('ZREM', KEYS[3], unpack(ids))
  redis.call('ZREM', KEYS[4], unpack(names))
end
redis.call('LTRIM', KEYS[1], taken, -1)
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return { taken, removed }
