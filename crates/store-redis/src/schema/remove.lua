-- Removes what is still due before a moment, with its index entries, and says how many that were.
-- KEYS: the index of what is due; then of each record its key and the index of its kind
-- ARGV: the moment; then of each record its name among what is due and its id in the index of its kind
local removed = 0
for i = 2, #KEYS, 2 do
  local due = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if due and tonumber(due) < tonumber(ARGV[1]) then
    redis.call('DEL', KEYS[i])
    redis.call('ZREM', KEYS[i + 1], ARGV[i + 1])
    redis.call('ZREM', KEYS[1], ARGV[i])
    removed = removed + 1
  end
end
return removed
