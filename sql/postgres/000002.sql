-- The layout of sql/sqlite/000002.sql in PostgreSQL's types.

CREATE TABLE whetstone.error_types (
  ref bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  name text NOT NULL
);

CREATE TABLE whetstone.rollups (
  width integer NOT NULL,
  slot bigint NOT NULL,
  operation_ref bigint NOT NULL REFERENCES whetstone.operations (ref),
  status smallint NOT NULL,
  error_ref bigint NOT NULL,
  spans bigint NOT NULL,
  sketch bytea NOT NULL,
  PRIMARY KEY (width, slot, operation_ref, status, error_ref)
);

CREATE INDEX traces_retention ON whetstone.traces ((errors > 0), start_ns);
