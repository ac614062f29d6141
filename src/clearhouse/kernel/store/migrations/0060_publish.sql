-- Advisories: public documents once they are written, and what holds a due case back.

-- One row for each issue of an advisory. The row is there before its files are, because the proof
-- needs the ledger event to have its place in the tree; until then nobody but the desk sees it.
CREATE TABLE advisory (
    advisory_id text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    year integer NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    decided_at timestamptz NOT NULL,
    event_id text NOT NULL,
    osv bytea NOT NULL,
    csaf bytea NOT NULL,
    proof bytea,                    -- null until written
    written_at timestamptz,         -- null until the files are on disk
    PRIMARY KEY (advisory_id, revision),
    UNIQUE (year, number, revision),
    CHECK ((proof IS NULL) = (written_at IS NULL))
);
CREATE INDEX ON advisory (decided_at) WHERE written_at IS NULL;
ALTER TABLE advisory ENABLE ROW LEVEL SECURITY;
ALTER TABLE advisory FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON advisory TO CURRENT_USER USING (true);
-- Before it is written, only the machinery that writes it sees an advisory.
CREATE POLICY written ON advisory FOR SELECT TO clearhouse_desk, clearhouse_counter
    USING (written_at IS NOT NULL OR 'role:clearing' = ANY ((SELECT principals())::text[]));
CREATE POLICY decide ON advisory FOR INSERT TO clearhouse_desk
    WITH CHECK (written_at IS NULL AND cardinality((SELECT principals())) > 0);
CREATE POLICY finish ON advisory FOR UPDATE TO clearhouse_desk
    USING ('role:clearing' = ANY ((SELECT principals())::text[]));
GRANT SELECT, INSERT ON advisory TO clearhouse_desk;
GRANT UPDATE (proof, written_at) ON advisory TO clearhouse_desk;
GRANT SELECT ON advisory TO clearhouse_counter;

-- The next free number of a year, counting what the caller may not see yet.
CREATE FUNCTION next_advisory_number(wanted_year integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT pg_advisory_xact_lock(x'636c7221'::bigint);
    SELECT coalesce(max(number), 0) + 1 FROM advisory WHERE year = wanted_year
$$;
REVOKE EXECUTE ON FUNCTION next_advisory_number FROM PUBLIC;
GRANT EXECUTE ON FUNCTION next_advisory_number TO clearhouse_desk;

-- How far the publication of each case is, and what holds it back.
CREATE TABLE publication (
    case_id text PRIMARY KEY REFERENCES coordination_case,
    advisory_id text,               -- null while it is held back
    case_revision integer NOT NULL, -- the state of the case that was looked at
    looked_at timestamptz NOT NULL,
    refusals text[] NOT NULL,       -- codes; the sentences may quote claims and are not kept
    wording_payload text REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('publication');
CREATE UNIQUE INDEX ON publication (advisory_id) WHERE advisory_id IS NOT NULL;
