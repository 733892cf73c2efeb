-- The layout of sql/sqlite/000003.sql in PostgreSQL's types; names sort by code point, as in SQLite.

CREATE TABLE whetstone.documents (
  kind text NOT NULL,
  name text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  written_ns bigint NOT NULL,
  bytes bigint NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (kind, name, version)
);
CREATE INDEX documents_names ON whetstone.documents (kind, name) WHERE version = 1;
