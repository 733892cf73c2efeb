-- Versioned documents (specifications, development sessions). Versions of a name count from 1 without gaps; rows are
-- only ever added, so the key decides which of two writers that follow one version wins.

CREATE TABLE documents (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  written_ns INTEGER NOT NULL,
  -- Of the body in UTF-8.
  bytes INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (kind, name, version)
) STRICT;
-- Every name once, however many versions it has.
CREATE INDEX documents_names ON documents (kind, name) WHERE version = 1;
