-- How soon somebody looks at a finding, and why. Priorities are never changed: a new one
-- supersedes the one before, and both stay.

CREATE TABLE priority (
    priority_id text PRIMARY KEY,
    finding_id text NOT NULL REFERENCES finding,
    computed_at timestamptz NOT NULL,
    superseded_at timestamptz,
    band text NOT NULL CHECK (band IN ('INCIDENT', 'URGENT', 'STANDARD', 'NEEDS-INFO')),
    due timestamptz NOT NULL,           -- until when somebody looks
    rating text CHECK (rating IN ('none', 'low', 'medium', 'high', 'critical')),
    exploit text NOT NULL CHECK (exploit IN ('kev', 'active', 'demonstrated', 'poc',
                                             'theoretical', 'unknown')),
    coordination text NOT NULL CHECK (coordination IN ('coordinate', 'track', 'decline')),
    sort_key integer[] NOT NULL,        -- the lower comes first, step by step
    first_received timestamptz NOT NULL,
    policies text[] NOT NULL,           -- id and version of every table that took part
    basis bytea NOT NULL,               -- keyed hash of facts and policies
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    CHECK (superseded_at >= computed_at)
);
CALL protect('priority');
CREATE UNIQUE INDEX ON priority (finding_id) WHERE superseded_at IS NULL;
CREATE INDEX ON priority (sort_key, first_received, finding_id) WHERE superseded_at IS NULL;
CREATE INDEX ON priority (finding_id, computed_at);

-- What a person said about a finding that no report and no vector tells. The newest counts.
CREATE TABLE assessment (
    assessment_id text PRIMARY KEY,
    finding_id text NOT NULL REFERENCES finding,
    at timestamptz NOT NULL,
    actor_id text NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('assessment');
CREATE INDEX ON assessment (finding_id, at);
