-- Rules that find a flaw, or its use, on a network: sealed with their case, public once they may be.

CREATE TABLE detection (
    detection_id text PRIMARY KEY,
    case_id text NOT NULL REFERENCES coordination_case,
    kind text NOT NULL CHECK (kind IN ('sigma', 'suricata', 'yara')),
    leak text NOT NULL CHECK (leak IN ('L0', 'L1', 'L2', 'L3')), -- what the rule itself reveals
    expires_on date NOT NULL,
    fires text NOT NULL CHECK (fires IN ('yes', 'not-run')),     -- on its own sample
    added_at timestamptz NOT NULL,
    actor_id text NOT NULL,
    released_at timestamptz,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('detection');
CREATE INDEX ON detection (case_id);
CREATE INDEX ON detection (leak) WHERE released_at IS NULL;

-- What everybody may have. A rule that reveals more than L1 cannot stand here.
CREATE TABLE detection_public (
    detection_id text PRIMARY KEY,
    advisory_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('sigma', 'suricata', 'yara')),
    leak text NOT NULL CHECK (leak IN ('L0', 'L1')),
    expires_on date NOT NULL,
    fires text NOT NULL CHECK (fires IN ('yes', 'not-run')),
    telemetry text NOT NULL,
    rule text NOT NULL,
    sample_sha256 text NOT NULL,
    released_at timestamptz NOT NULL
);
CREATE INDEX ON detection_public (advisory_id);
ALTER TABLE detection_public ENABLE ROW LEVEL SECURITY;
ALTER TABLE detection_public FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON detection_public TO CURRENT_USER USING (true);
CREATE POLICY everybody ON detection_public FOR SELECT TO clearhouse_desk, clearhouse_counter
    USING (true);
CREATE POLICY release ON detection_public FOR INSERT TO clearhouse_desk
    WITH CHECK ('role:clearing' = ANY ((SELECT principals())::text[]));
GRANT SELECT, INSERT ON detection_public TO clearhouse_desk;
GRANT SELECT ON detection_public TO clearhouse_counter;
