-- Writes a record where none stands. The record comes first, since that is the comparison; if an entry of it cannot be
-- written, it is taken back, so that an error means that nothing stands.
-- KEYS: the record; of one that is new to its kind its window's list and the windows, of any other the index of its
--       kind and what is due
-- ARGV: the value; its id; its window, or ''; its name among what is due; when it is due, or ''
if not redis.call('SET', KEYS[1], ARGV[1], 'NX') then
  return 0
end
local entered
if ARGV[3] ~= '' then
  entered = redis.pcall('ZADD', KEYS[3], ARGV[3], ARGV[3])
  if type(entered) == 'number' then
    entered = redis.pcall('RPUSH', KEYS[2], ARGV[2])
  end
else
  entered = redis.pcall('ZADD', KEYS[2], 0, ARGV[2])
  if ARGV[5] ~= '' and type(entered) == 'number' then
    entered = redis.pcall('ZADD', KEYS[3], ARGV[5], ARGV[4])
  end
end
if type(entered) ~= 'number' then
  redis.call('DEL', KEYS[1])
  return entered
end
return 1
