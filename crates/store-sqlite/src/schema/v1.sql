CREATE TABLE record (
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    version    BLOB    NOT NULL,
    body       ANY     NOT NULL,
    keep_until INTEGER
) STRICT;
CREATE UNIQUE INDEX record_key ON record (kind, id);
CREATE INDEX record_keep_until ON record (keep_until) WHERE keep_until IS NOT NULL;
