-- Criteria: whose signatures count, evidence, and what was determined from it.
--
-- The model's name stands nowhere in the clear: that a model is judged at all may be the secret.

-- Keys of runners, reviewers, labs and endpoints, and for which statements each is believed.
CREATE TABLE trusted_key (
    key_id text PRIMARY KEY,
    public_key bytea NOT NULL,
    kinds text[] NOT NULL,
    holder text NOT NULL,
    added_at timestamptz NOT NULL,
    revoked_at timestamptz,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('trusted_key');

-- What opens the sealed thresholds of a criterion.
CREATE TABLE criterion_opening (
    criterion_sha256 text PRIMARY KEY,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('criterion_opening');

CREATE TABLE evidence (
    evidence_id text PRIMARY KEY,
    sha256 text NOT NULL,           -- of the log's file
    added_at timestamptz NOT NULL,
    actor_id text NOT NULL,
    samples integer NOT NULL CHECK (samples > 0),
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('evidence');
CREATE INDEX ON evidence (sha256);
CREATE INDEX ON evidence (added_at, evidence_id);

-- What others signed about logs.
CREATE TABLE attestation (
    attestation_id text PRIMARY KEY,
    kind text NOT NULL,
    subjects text[] NOT NULL,       -- SHA-256 of the logs
    added_at timestamptz NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('attestation');
CREATE INDEX ON attestation USING gin (subjects);

CREATE TABLE determination (
    determination_id text PRIMARY KEY,
    subject_mark bytea NOT NULL,    -- keyed hash of criterion and model
    outcome text NOT NULL CHECK (outcome IN ('COVERED', 'ALERT', 'NOT_COVERED', 'INSUFFICIENT',
                                             'INVALID')),
    state text NOT NULL CHECK (state IN ('proposed', 'determined', 'released', 'superseded',
                                         'withdrawn')),
    decided_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    proposed_by text NOT NULL,
    countersigned_by text CHECK (countersigned_by <> proposed_by),
    superseded_by text REFERENCES determination,
    annex_payload text NOT NULL REFERENCES payload,
    envelope_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    CHECK (expires_at >= decided_at),
    CHECK (state IN ('proposed', 'withdrawn') OR countersigned_by IS NOT NULL)
);
CALL protect('determination');
CREATE INDEX ON determination (subject_mark);
CREATE INDEX ON determination (decided_at, determination_id);

-- Objections, and answers to them; words are sealed.
CREATE TABLE determination_appeal (
    appeal_id text PRIMARY KEY,
    determination_id text NOT NULL REFERENCES determination,
    at timestamptz NOT NULL,
    actor_id text NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('determination_appeal');
CREATE INDEX ON determination_appeal (determination_id, at);

-- What everybody may read: the releasable statements, written when two persons signed and a third
-- act released them.
CREATE TABLE released_determination (
    determination_id text PRIMARY KEY,
    released_at timestamptz NOT NULL,
    ended_at timestamptz,           -- superseded or withdrawn
    envelope bytea NOT NULL
);
ALTER TABLE released_determination ENABLE ROW LEVEL SECURITY;
ALTER TABLE released_determination FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON released_determination TO CURRENT_USER USING (true);
CREATE POLICY public ON released_determination FOR SELECT TO clearhouse_desk, clearhouse_counter
    USING (true);
CREATE POLICY release ON released_determination FOR INSERT TO clearhouse_desk
    WITH CHECK ('role:determiner' = ANY ((SELECT principals())::text[]));
CREATE POLICY finish ON released_determination FOR UPDATE TO clearhouse_desk
    USING ('role:determiner' = ANY ((SELECT principals())::text[]));
GRANT SELECT, INSERT ON released_determination TO clearhouse_desk;
GRANT UPDATE (ended_at) ON released_determination TO clearhouse_desk;
GRANT SELECT ON released_determination TO clearhouse_counter;
