-- Moves ids from the list of what is new into the index, those whose record is gone excepted, and says how many it moved.
-- KEYS: the list of what is new, the index, then the record of each id
-- ARGV: the ids, as they lay at the head of the list
for i = 1, #ARGV do
  -- Somebody else sorts them in too, and has been here meanwhile.
  if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[i] then
    return i - 1
  end
  if redis.call('EXISTS', KEYS[i + 2]) == 1 then
    redis.call('ZADD', KEYS[2], 0, ARGV[i])
  end
  redis.call('LPOP', KEYS[1])
end
return #ARGV
