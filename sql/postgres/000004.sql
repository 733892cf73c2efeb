-- The layout of sql/sqlite/000004.sql in PostgreSQL's types.

CREATE TABLE whetstone.metric_series (
  ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  name text NOT NULL,
  service text NOT NULL,
  unit text NOT NULL,
  type smallint NOT NULL,
  temporality smallint NOT NULL,
  monotonic smallint NOT NULL,
  bounds text NOT NULL,
  attributes text NOT NULL,
  resource_ref bigint NOT NULL REFERENCES whetstone.resources (ref),
  scope_ref bigint NOT NULL REFERENCES whetstone.scopes (ref),
  description text NOT NULL
);
CREATE INDEX metric_series_name ON whetstone.metric_series USING hash (name);
CREATE INDEX metric_series_service ON whetstone.metric_series USING hash (service);

CREATE TABLE whetstone.metric_points (
  series_ref bigint NOT NULL REFERENCES whetstone.metric_series (ref),
  time_ns bigint NOT NULL,
  start_ns bigint NOT NULL,
  value double precision,
  data bytea,
  exemplars text,
  PRIMARY KEY (series_ref, time_ns, start_ns)
);

CREATE TABLE whetstone.log_streams (
  ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  service text NOT NULL,
  resource_ref bigint NOT NULL REFERENCES whetstone.resources (ref),
  scope_ref bigint NOT NULL REFERENCES whetstone.scopes (ref)
);
CREATE INDEX log_streams_service ON whetstone.log_streams USING hash (service);

CREATE TABLE whetstone.logs (
  ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time_ns bigint NOT NULL,
  digest bytea NOT NULL,
  stream_ref bigint NOT NULL REFERENCES whetstone.log_streams (ref),
  observed_ns bigint,
  severity smallint NOT NULL,
  severity_text text,
  body text,
  body_is_json smallint NOT NULL,
  event_name text,
  trace_id bytea,
  span_id bytea,
  attributes text NOT NULL,
  dropped bigint NOT NULL,
  UNIQUE (time_ns, digest)
);
CREATE INDEX logs_trace ON whetstone.logs (trace_id, time_ns) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_errors ON whetstone.logs (time_ns, digest) WHERE severity >= 17;
