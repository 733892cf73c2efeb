-- Work of the GitHub App: deliveries and tasks. What has ended keeps its id, so that it is not taken again, and loses
-- its payload. state: 0 waiting, 1 running, 2 done, 3 dead. due_at: when waiting work may begin, or when the lease of
-- running work ends; instants are epoch milliseconds.
-- The payload, which may be 25 MB, stands last: whoever looks for work reads past nothing.
CREATE TABLE app_work (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  event TEXT NOT NULL,
  key TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  claim TEXT,
  error TEXT,
  ended_at INTEGER,
  payload TEXT NOT NULL
) STRICT;
CREATE INDEX app_work_open ON app_work (seq) WHERE state < 2;
CREATE INDEX app_work_key ON app_work (key, seq) WHERE state < 2;
CREATE INDEX app_work_claim ON app_work (claim) WHERE claim IS NOT NULL;
CREATE INDEX app_work_ended ON app_work (ended_at) WHERE state >= 2;
CREATE INDEX app_work_dead ON app_work (seq) WHERE state = 3;
