-- What a delivery said, as a SHA-256 of its event and body: the signature covers the body and not the id, so that the same
-- body under another id is known again for as long as the id is. Work from before has none, and tasks never have.
ALTER TABLE whetstone.app_work ADD COLUMN digest text;
CREATE INDEX app_work_digest ON whetstone.app_work (digest) WHERE digest IS NOT NULL;
