-- What is established about each report. Verdicts are never changed: a later one supersedes an
-- earlier one, and both stay.

CREATE TABLE verdict (
    verdict_id text PRIMARY KEY,
    report_id text NOT NULL REFERENCES report,
    decided_at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('reproduced', 'not-reproduced', 'inconclusive',
                                       'contradicted', 'out-of-scope', 'not-attempted')),
    level smallint CHECK (level BETWEEN 0 AND 7),   -- null when not even the target resolves
    doubt text,
    rules text NOT NULL,
    basis bytea NOT NULL,           -- keyed hash of rules and inputs: the same basis, one verdict
    content_payload text NOT NULL,  -- checks quote the report, so they are sealed with it
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (report_id, basis),
    CHECK ((kind = 'inconclusive') = (doubt IS NOT NULL))
);
CALL protect('verdict');
CREATE INDEX ON verdict (report_id, decided_at);
