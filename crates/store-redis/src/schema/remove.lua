-- Removes what is still due before a moment, with its entries, and says how many that were. A record's own head decides, and
-- where its entry is too early, that is put right.
-- KEYS: the index of what is due; then of each record its key and the index of its kind
-- ARGV: the moment; then of each record its name among what is due and its id in the index of its kind
local before = tonumber(ARGV[1])
local removed = 0
for i = 2, #KEYS, 2 do
  local due = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if due and tonumber(due) < before then
    local moment = string.match(redis.call('GETRANGE', KEYS[i], 24, 45), '^ (%S+)\n')
    if moment == '-' then
      redis.call('ZREM', KEYS[1], ARGV[i])
    elseif moment and tonumber(moment) >= before then
      redis.call('ZADD', KEYS[1], moment, ARGV[i])
    else
      removed = removed + redis.call('DEL', KEYS[i])
      redis.call('ZREM', KEYS[i + 1], ARGV[i + 1])
      redis.call('ZREM', KEYS[1], ARGV[i])
    end
  end
end
return removed
