-- What the pages of the desk ask for in a house with hundreds of thousands of findings.

CREATE INDEX ON priority (band, sort_key, first_received, finding_id) WHERE superseded_at IS NULL;
CREATE INDEX ON priority (rating, sort_key, first_received, finding_id) WHERE superseded_at IS NULL;
CREATE INDEX ON priority (exploit, sort_key, first_received, finding_id) WHERE superseded_at IS NULL;
CREATE INDEX ON priority (coordination, sort_key, first_received, finding_id)
    WHERE superseded_at IS NULL;

-- The newest events of one kind and of one actor; whether a row is readable is decided in the index.
CREATE INDEX ON ledger_event (kind, at DESC, event_id DESC) INCLUDE (readers);
CREATE INDEX ON ledger_event (actor_id, at DESC, event_id DESC) INCLUDE (readers);

-- For whoever is no analyst: what analysts do not read, in the order of the lists; and by reader,
-- what they do read, of which others read only what they sent themselves.
CREATE INDEX priority_beyond_analysts ON priority (sort_key, first_received, finding_id)
    WHERE superseded_at IS NULL AND NOT readers <@ ARRAY['role:clearing', 'role:intake_analyst'];
CREATE INDEX report_beyond_analysts ON report (received_at DESC, report_id DESC)
    WHERE NOT 'role:intake_analyst' = ANY (readers);
CREATE INDEX report_by_reader ON report USING gin (readers)
    WHERE 'role:intake_analyst' = ANY (readers);
CREATE INDEX ledger_event_beyond_analysts ON ledger_event (at DESC, event_id DESC)
    INCLUDE (readers) WHERE NOT 'role:intake_analyst' = ANY (readers);
CREATE INDEX ledger_event_by_reader ON ledger_event USING gin (readers)
    WHERE 'role:intake_analyst' = ANY (readers);
