-- Scan leases: who scans what with which class of tool until when, and what maintainers allow.

CREATE TABLE scan_lease (
    lease_id text PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    actor_id text NOT NULL REFERENCES actor,
    target text NOT NULL,               -- a purl without version, or the address of a repository
    paths text[] NOT NULL,              -- empty for all of it
    versions text,                      -- a vers range; null for all
    tool text NOT NULL CHECK (tool IN ('static', 'fuzzing', 'model', 'dynamic', 'manual')),
    starts_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    disclosure text NOT NULL CHECK (disclosure IN ('nothing', 'overlap', 'when', 'tool', 'party')),
    basis text NOT NULL CHECK (basis IN ('maintainer', 'programme', 'own', 'copy')),
    reference text NOT NULL,            -- where the authorisation can be read
    safe_harbour text NOT NULL,
    shared boolean NOT NULL,            -- granted though its holder was told of an overlap
    state text NOT NULL CHECK (state IN ('held', 'handed-back', 'lapsed', 'withdrawn')),
    granted_at timestamptz NOT NULL,
    ended_at timestamptz,
    coverage jsonb NOT NULL DEFAULT '[]',
    policy text NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('scan_lease');
CREATE INDEX ON scan_lease (target, until_at) WHERE state = 'held';
CREATE INDEX ON scan_lease (party_id, state);
CREATE INDEX ON scan_lease (starts_at);

-- What the maintainers of a target allow.
CREATE TABLE scan_limit (
    target text PRIMARY KEY,
    opted_out boolean NOT NULL,
    at_once integer,                    -- null: as the policy says
    barred_tools text[] NOT NULL,
    reference text NOT NULL,            -- where the maintainers said so
    set_by text NOT NULL REFERENCES actor,
    set_at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('scan_limit');

-- Waits its turn for a target, and returns what others hold there now or later. Whoever claims is
-- then alone with the target until the transaction ends.
CREATE FUNCTION leases_on(wanted text, at timestamptz)
RETURNS TABLE (lease_id text, party_id text, party_name text, paths text[], versions text,
               tool text, starts_at timestamptz, until_at timestamptz, disclosure text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lease ' || wanted, 0));
    RETURN QUERY
    SELECT l.lease_id, l.party_id, p.name, l.paths, l.versions, l.tool, l.starts_at, l.until_at,
           l.disclosure
      FROM scan_lease l JOIN party p USING (party_id)
     WHERE l.target = wanted AND l.state = 'held' AND l.until_at > at
     ORDER BY l.starts_at, l.lease_id;
END $$;

-- What was scanned of a target, as far as those who scanned it let others know of them.
CREATE FUNCTION coverage_of(wanted text)
RETURNS TABLE (tool text, ended_at timestamptz, party_name text, coverage jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT CASE WHEN l.disclosure IN ('tool', 'party') THEN l.tool END,
           CASE WHEN l.disclosure <> 'overlap' THEN l.ended_at END,
           CASE WHEN l.disclosure = 'party' THEN p.name END, l.coverage
      FROM scan_lease l JOIN party p USING (party_id)
     WHERE l.target = wanted AND l.state = 'handed-back' AND l.disclosure <> 'nothing'
     ORDER BY l.ended_at DESC, l.lease_id LIMIT 200
$$;
REVOKE EXECUTE ON FUNCTION leases_on, coverage_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leases_on, coverage_of TO clearhouse_desk;
