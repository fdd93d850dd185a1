-- Writes a record where none stands. The record comes first, since that is the comparison; if an entry of it cannot be
-- written, it is taken back, so that an error means that nothing stands.
-- KEYS: the record, the index of its kind or the list of what is new in it, the index of what is due
-- ARGV: the value; its id; its name among what is due; when it is due, or ''; 'new' if it goes to that list
if not redis.call('SET', KEYS[1], ARGV[1], 'NX') then
  return 0
end
local entered
if ARGV[5] == 'new' then
  entered = redis.pcall('RPUSH', KEYS[2], ARGV[2])
else
  entered = redis.pcall('ZADD', KEYS[2], 0, ARGV[2])
end
if ARGV[4] ~= '' and type(entered) == 'number' then
  entered = redis.pcall('ZADD', KEYS[3], ARGV[4], ARGV[3])
end
if type(entered) ~= 'number' then
  redis.call('DEL', KEYS[1])
  return entered
end
return 1
