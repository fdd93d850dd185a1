-- A record and its entries, as of one moment.
-- KEYS: the record, the index of its kind, the index of what is due, the list of what is new in its kind
-- ARGV: its id in the index, its name among what is due
local value = redis.call('GET', KEYS[1])
local indexed = redis.call('ZSCORE', KEYS[2], ARGV[1])
-- A list is walked, so only for what is nowhere else: that is what was made since the list was sorted in.
if value and not indexed and redis.call('LPOS', KEYS[4], ARGV[1]) then
  indexed = '0'
end
return { value, indexed, redis.call('ZSCORE', KEYS[3], ARGV[2]) }
