-- One compare-and-set. The record is written last: whatever fails before leaves an index entry too many at worst.
-- KEYS: the record, the index of its kind, the index of what is due
-- ARGV: the version expected to stand, or ''; the value; its id in the index; its name among what is due; when it is due, or ''
local standing = redis.call('GETRANGE', KEYS[1], 2, 23)
if standing ~= ARGV[1] or (standing == '' and redis.call('EXISTS', KEYS[1]) == 1) then
  return 0
end
redis.call('ZADD', KEYS[2], 0, ARGV[3])
if ARGV[5] ~= '' then
  redis.call('ZADD', KEYS[3], ARGV[5], ARGV[4])
elseif ARGV[1] ~= '' then
  redis.call('ZREM', KEYS[3], ARGV[4])
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
