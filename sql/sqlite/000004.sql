-- Metric points and log records. Resources and scopes are shared with spans.

-- One row per stream; `digest` covers everything but the description, which does not identify a stream.
-- temporality and monotonic: -1 where the type has none; bounds: JSON, empty where the type has none.
CREATE TABLE metric_series (
  ref INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  service TEXT NOT NULL,
  unit TEXT NOT NULL,
  type INTEGER NOT NULL,
  temporality INTEGER NOT NULL,
  monotonic INTEGER NOT NULL,
  bounds TEXT NOT NULL,
  attributes TEXT NOT NULL,
  resource_ref INTEGER NOT NULL REFERENCES resources (ref),
  scope_ref INTEGER NOT NULL REFERENCES scopes (ref),
  description TEXT NOT NULL
) STRICT;
CREATE INDEX metric_series_name ON metric_series (name, service);
CREATE INDEX metric_series_service ON metric_series (service);

-- By series first: a chart reads few series over a long time. start_ns 0: the source did not say.
-- A number stands in `value`, anything else in `data`; neither where there is no value.
CREATE TABLE metric_points (
  series_ref INTEGER NOT NULL REFERENCES metric_series (ref),
  time_ns INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  value REAL,
  data BLOB,
  exemplars TEXT,
  PRIMARY KEY (series_ref, time_ns, start_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_streams (
  ref INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  service TEXT NOT NULL,
  resource_ref INTEGER NOT NULL REFERENCES resources (ref),
  scope_ref INTEGER NOT NULL REFERENCES scopes (ref)
) STRICT;
CREATE INDEX log_streams_service ON log_streams (service);

-- `digest`: eight bytes over everything that the record says, so that a repetition is seen; severity 0: not said.
CREATE TABLE logs (
  ref INTEGER PRIMARY KEY,
  time_ns INTEGER NOT NULL,
  digest BLOB NOT NULL,
  stream_ref INTEGER NOT NULL REFERENCES log_streams (ref),
  observed_ns INTEGER,
  severity INTEGER NOT NULL,
  severity_text TEXT,
  -- JSON where body_is_json is 1, the text itself otherwise.
  body TEXT,
  body_is_json INTEGER NOT NULL,
  event_name TEXT,
  trace_id BLOB,
  span_id BLOB,
  attributes TEXT NOT NULL,
  dropped INTEGER NOT NULL,
  UNIQUE (time_ns, digest)
) STRICT;
CREATE INDEX logs_trace ON logs (trace_id, time_ns) WHERE trace_id IS NOT NULL;
-- Errors are few and asked for most.
CREATE INDEX logs_errors ON logs (time_ns, digest) WHERE severity >= 17;
