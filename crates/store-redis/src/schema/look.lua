-- A record and its entries, as of one moment.
-- KEYS: the record, the index of its kind, the index of what is due
-- ARGV: its id in the index, its name among what is due
return {
  redis.call('GET', KEYS[1]),
  redis.call('ZSCORE', KEYS[2], ARGV[1]),
  redis.call('ZSCORE', KEYS[3], ARGV[2]),
}
