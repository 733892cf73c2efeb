-- Rollups: per operation, slot of time, status and error type the number of spans and a sketch of their durations, kept
-- in the transaction that writes the spans. `width` is 60 or 3600 (seconds), `slot` the number of such spans of time
-- since the Unix epoch; hours are the sums of their minutes, so that a day is read in few rows.

CREATE TABLE error_types (
  ref INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL
) STRICT;

-- By time first: what a batch adds lies on few pages. error_ref 0: no error, or one without a type.
CREATE TABLE rollups (
  width INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  operation_ref INTEGER NOT NULL REFERENCES operations (ref),
  status INTEGER NOT NULL,
  error_ref INTEGER NOT NULL,
  spans INTEGER NOT NULL,
  sketch BLOB NOT NULL,
  PRIMARY KEY (width, slot, operation_ref, status, error_ref)
) STRICT, WITHOUT ROWID;

-- Retention takes the oldest traces of either kind.
CREATE INDEX traces_retention ON traces ((errors > 0), start_ns);
