-- Traces and their spans. Ids are BLOBs, times INTEGER nanoseconds since the Unix epoch, attributes JSON text.
-- `digest` columns are SHA-256 of the interned value, so that no index key depends on the length of foreign text.

CREATE TABLE operations (
  ref INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  service TEXT NOT NULL,
  name TEXT NOT NULL,
  kind INTEGER NOT NULL
) STRICT;
CREATE INDEX operations_service_name ON operations (service, name);
CREATE INDEX operations_name ON operations (name);

CREATE TABLE resources (
  ref INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  attributes TEXT NOT NULL
) STRICT;

CREATE TABLE scopes (
  ref INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  scope TEXT NOT NULL
) STRICT;

-- One row per trace, kept in the transaction that writes its spans.
CREATE TABLE traces (
  ref INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  spans INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  root_operation INTEGER NOT NULL REFERENCES operations (ref),
  root_span_id BLOB NOT NULL,
  root_start_ns INTEGER NOT NULL,
  root_has_parent INTEGER NOT NULL
) STRICT;
CREATE INDEX traces_start ON traces (start_ns DESC, id);

-- The integer trace_ref keeps inserts local; a random 24-byte key would rewrite pages all over the file.
CREATE TABLE spans (
  trace_ref INTEGER NOT NULL REFERENCES traces (ref),
  span_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  parent_span_id BLOB,
  operation_ref INTEGER NOT NULL REFERENCES operations (ref),
  resource_ref INTEGER NOT NULL REFERENCES resources (ref),
  scope_ref INTEGER NOT NULL REFERENCES scopes (ref),
  start_ns INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL,
  status INTEGER NOT NULL,
  status_message TEXT,
  attributes TEXT NOT NULL,
  events TEXT,
  links TEXT,
  UNIQUE (trace_ref, span_id, kind)
) STRICT;
CREATE INDEX spans_operation_start ON spans (operation_ref, start_ns);
CREATE INDEX spans_start ON spans (start_ns);
