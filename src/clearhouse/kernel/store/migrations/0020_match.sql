-- Which reports are one bug: findings, what is said about pairs, and the keyed index.
--
-- Tables named match_index_* hold keyed hashes only; without the index key they tell nothing, and
-- only the house's machinery may search them, because a hit tells that a report exists.

CREATE TABLE finding (
    finding_id text PRIMARY KEY,
    report_id text NOT NULL UNIQUE REFERENCES report,   -- the report that founded it
    founded_at timestamptz NOT NULL,                    -- when that report was received
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('finding');

CREATE TABLE match_report (
    report_id text PRIMARY KEY REFERENCES report,
    serial bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    received_at timestamptz NOT NULL,
    own_finding_id text NOT NULL UNIQUE REFERENCES finding (finding_id),
    finding_id text NOT NULL REFERENCES finding (finding_id),   -- that of the earliest report
    contradicted boolean,                               -- null until validation has spoken
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('match_report');
CREATE INDEX ON match_report (finding_id);

CREATE TABLE match_edge (
    edge_id text PRIMARY KEY,
    left_report text NOT NULL REFERENCES match_report (report_id),  -- received earlier
    right_report text NOT NULL REFERENCES match_report (report_id),
    relation text NOT NULL CHECK (relation IN ('same', 'sibling', 'suggested', 'different')),
    basis text NOT NULL CHECK (basis IN ('proof', 'person', 'similarity')),
    state text NOT NULL CHECK (state IN ('pending', 'active', 'retracted')),
    score real,
    reasons_payload text NOT NULL REFERENCES payload,
    policy text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    retracted_by text,
    retracted_at timestamptz,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    CHECK (left_report <> right_report),
    CHECK (basis <> 'similarity' OR relation = 'suggested'),
    CHECK ((state = 'retracted') = (retracted_at IS NOT NULL))
);
CALL protect('match_edge');
CREATE INDEX ON match_edge (left_report);
CREATE INDEX ON match_edge (right_report);
-- An edge tells that both reports exist, so only those who may read both see it.
CREATE POLICY both_sides ON match_edge AS RESTRICTIVE TO clearhouse_desk
    USING (EXISTS (SELECT FROM report WHERE report_id = left_report)
           AND EXISTS (SELECT FROM report WHERE report_id = right_report));

CREATE TABLE match_index_report (
    serial bigint PRIMARY KEY,
    package bigint,
    length integer NOT NULL,        -- in tokens
    sketch bytea NOT NULL           -- keyed hashes, packed
);
ALTER TABLE match_index_report ALTER COLUMN sketch SET STORAGE EXTERNAL; -- hashes do not compress

CREATE TABLE match_index_token (
    token bigint NOT NULL,
    serial bigint NOT NULL,
    PRIMARY KEY (token, serial)
);

CREATE TABLE match_index_key (
    value bytea NOT NULL,
    serial bigint NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (value, serial)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY
        ARRAY['match_index_report', 'match_index_token', 'match_index_key'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY definer ON %I TO CURRENT_USER USING (true)', name);
        EXECUTE format('CREATE POLICY machinery ON %I TO clearhouse_desk USING '
                       '((SELECT ''role:clearing'' = ANY (principals())))', name);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON %I TO clearhouse_desk', name);
    END LOOP;
END $$;

-- One at a time may change which reports are one.
CREATE FUNCTION lock_findings() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(x'6d6174636800'::bigint)
$$;

-- All reports joined to one report by proof or by a person, itself included.
CREATE FUNCTION joined_reports(start text) RETURNS TABLE (report_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    WITH RECURSIVE walk AS (
        SELECT start AS here
        UNION
        SELECT CASE WHEN e.left_report = w.here THEN e.right_report ELSE e.left_report END
          FROM walk w JOIN match_edge e ON w.here IN (e.left_report, e.right_report)
         WHERE e.relation = 'same' AND e.state = 'active' AND e.basis IN ('proof', 'person'))
    SELECT here FROM walk
$$;

-- Whether a person's word stands against joining two reports, directly or through others.
CREATE FUNCTION join_forbidden(one text, other text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM match_edge
         WHERE relation = 'different' AND state = 'active'
           AND ((left_report IN (SELECT joined_reports(one))
                 AND right_report IN (SELECT joined_reports(other)))
             OR (left_report IN (SELECT joined_reports(other))
                 AND right_report IN (SELECT joined_reports(one)))))
$$;

-- Gives every report that shares a finding with one of `touched`, or is now joined to one, the
-- finding of the earliest report it is joined to. A merge never opens what was closed: findings
-- that become one are from then on open to those who could read every closed one of them. A
-- finding that no case has closed yet, open to all intake analysts, closes nobody out.
CREATE FUNCTION regroup_findings(touched text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
DECLARE
    todo text[];
    members text[];
    survivor text;
    common text[];
BEGIN
    PERFORM lock_findings();
    SELECT array_agg(report_id) INTO todo FROM match_report
     WHERE finding_id IN (SELECT finding_id FROM match_report WHERE report_id = ANY (touched));
    WHILE cardinality(todo) > 0 LOOP
        members := ARRAY(SELECT joined_reports(todo[1]));
        SELECT own_finding_id INTO survivor FROM match_report
         WHERE report_id = ANY (members) ORDER BY received_at, report_id LIMIT 1;
        UPDATE match_report SET finding_id = survivor
         WHERE report_id = ANY (members) AND finding_id <> survivor;
        SELECT array_agg(reader ORDER BY reader) INTO common FROM (
            SELECT reader FROM finding, unnest(readers) AS reader
             WHERE report_id = ANY (members) AND NOT 'role:intake_analyst' = ANY (readers)
             GROUP BY reader
            HAVING count(*) = (SELECT count(*) FROM finding WHERE report_id = ANY (members)
                                 AND NOT 'role:intake_analyst' = ANY (readers))) AS shared;
        IF cardinality(members) > 1 AND common IS NOT NULL THEN
            PERFORM limit_readers(compartment, common)
               FROM finding WHERE report_id = ANY (members) AND readers <> common;
        END IF;
        todo := ARRAY(SELECT unnest(todo) EXCEPT SELECT unnest(members));
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION joined_reports, join_forbidden, regroup_findings
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION join_forbidden, regroup_findings TO clearhouse_desk;

-- Leaves the findings that these reports began with, merged away or not, to the given readers.
CREATE FUNCTION limit_findings(wanted text[], house text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM match_report WHERE report_id = ANY (wanted)
                  AND NOT readers && principals()) THEN
        RAISE EXCEPTION 'not read in to these reports' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM limit_readers(compartment, house)
       FROM (SELECT DISTINCT f.compartment
               FROM match_report m JOIN finding f ON f.finding_id = m.own_finding_id
              WHERE m.report_id = ANY (wanted)) AS began;
END $$;
REVOKE EXECUTE ON FUNCTION limit_findings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION limit_findings TO clearhouse_desk;
