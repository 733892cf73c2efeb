-- The layout of sql/sqlite/000001.sql in PostgreSQL's types, in a schema of its own.
-- Attributes are text, not json: they are checked where they are written, and read back byte for byte.

CREATE TABLE whetstone.operations (
  ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  service text NOT NULL,
  name text NOT NULL,
  kind smallint NOT NULL
);
-- Hash indexes take text of any length; a B-tree refuses keys beyond a third of a page.
CREATE INDEX operations_service ON whetstone.operations USING hash (service);
CREATE INDEX operations_name ON whetstone.operations USING hash (name);

CREATE TABLE whetstone.resources (
  ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  attributes text NOT NULL
);

CREATE TABLE whetstone.scopes (
  ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  scope text NOT NULL
);

-- One row per trace, kept in the transaction that writes its spans.
CREATE TABLE whetstone.traces (
  ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id bytea NOT NULL UNIQUE,
  start_ns bigint NOT NULL,
  end_ns bigint NOT NULL,
  spans bigint NOT NULL,
  errors bigint NOT NULL,
  root_operation bigint NOT NULL REFERENCES whetstone.operations (ref),
  root_span_id bytea NOT NULL,
  root_start_ns bigint NOT NULL,
  root_has_parent smallint NOT NULL
);
CREATE INDEX traces_start ON whetstone.traces (start_ns DESC, id);

CREATE TABLE whetstone.spans (
  trace_ref bigint NOT NULL REFERENCES whetstone.traces (ref),
  span_id bytea NOT NULL,
  kind smallint NOT NULL,
  parent_span_id bytea,
  operation_ref bigint NOT NULL REFERENCES whetstone.operations (ref),
  resource_ref bigint NOT NULL REFERENCES whetstone.resources (ref),
  scope_ref bigint NOT NULL REFERENCES whetstone.scopes (ref),
  start_ns bigint NOT NULL,
  duration_ns bigint NOT NULL,
  status smallint NOT NULL,
  status_message text,
  attributes text NOT NULL,
  events text,
  links text,
  PRIMARY KEY (trace_ref, span_id, kind)
);
CREATE INDEX spans_operation_start ON whetstone.spans (operation_ref, start_ns);
CREATE INDEX spans_start ON whetstone.spans (start_ns);
