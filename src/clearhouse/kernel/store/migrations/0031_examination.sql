-- Examinations asked for, running and done: what a report waits for, and who asked. The work itself
-- is a job; this row tells people how far it is and keeps it from being done twice.

CREATE TABLE examination (
    examination_id text PRIMARY KEY,
    report_id text NOT NULL REFERENCES report,
    basis bytea NOT NULL,           -- keyed hash of rules and inputs, and of the request if asked again
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done')),
    asked_at timestamptz NOT NULL,
    asked_by text NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (report_id, basis),
    CHECK ((state = 'done') = (ended_at IS NOT NULL))
);
CALL protect('examination');
CREATE UNIQUE INDEX ON examination (report_id) WHERE state <> 'done';
CREATE INDEX ON examination (asked_at) WHERE state <> 'done';
