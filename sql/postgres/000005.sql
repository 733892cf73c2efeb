-- The transaction that stored a span: followers read on from there. Spans that were there before have none and are not
-- followed. Numbers of transactions belong to one server; a copy on another numbers from its own beginning.
ALTER TABLE whetstone.spans ADD COLUMN arrived bigint;
ALTER TABLE whetstone.spans ALTER COLUMN arrived SET DEFAULT (pg_current_xact_id()::text)::bigint;
CREATE INDEX spans_arrived ON whetstone.spans (arrived) WHERE arrived IS NOT NULL;
