-- What a flood writes for each report, made less.

-- Each edge locked the rows of both its reports, old ones time and again. Matched reports are never
-- deleted, and both_sides lets nobody draw an edge to a report that is not there.
ALTER TABLE match_edge DROP CONSTRAINT match_edge_left_report_fkey,
    DROP CONSTRAINT match_edge_right_report_fkey;
-- A report has few edges: those that join its group are found among them.
DROP INDEX match_edge_companion_left, match_edge_companion_right;

-- What was filed lately stands in one row for each token and batch of reports, not for each report:
-- most tokens of a batch are those of several of its reports.

DROP FUNCTION pack_postings(), unfile_report(bigint);
CREATE TABLE match_index_recent (
    token bigint NOT NULL,
    entries bytea NOT NULL          -- as in match_index_posting
);
INSERT INTO match_index_recent (token, entries)
    SELECT token, string_agg(int8send(entry), ''::bytea ORDER BY entry)
      FROM match_index_token GROUP BY token;
DROP TABLE match_index_token;
CREATE INDEX ON match_index_recent (token);
ALTER TABLE match_index_recent ENABLE ROW LEVEL SECURITY;
ALTER TABLE match_index_recent FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON match_index_recent TO CURRENT_USER USING (true);
CREATE POLICY machinery ON match_index_recent TO clearhouse_desk
    USING ((SELECT 'role:clearing' = ANY (principals())));
GRANT SELECT, INSERT, UPDATE, DELETE ON match_index_recent TO clearhouse_desk;

-- Moves what was filed lately into the packed postings; returns how many entries it moved. One
-- transaction at a time packs, and another that comes meanwhile moves nothing.
CREATE FUNCTION pack_postings() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    moved bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(x'7061636b00'::bigint) THEN
        RETURN 0;
    END IF;
    WITH taken AS (DELETE FROM match_index_recent RETURNING token, entries), packed AS (
        INSERT INTO match_index_posting AS p (token, entries)
        SELECT token, string_agg(entries, ''::bytea ORDER BY entries)
          FROM taken GROUP BY token ORDER BY token
        ON CONFLICT (token) DO UPDATE SET entries = p.entries || excluded.entries)
    SELECT coalesce(sum(octet_length(entries)), 0) / 8 INTO moved FROM taken;
    RETURN moved;
END $$;

-- Entries without one of them.
CREATE FUNCTION without_entry(entries bytea, gone bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT overlay(entries PLACING ''::bytea FROM place_of_entry(entries, gone) FOR 8)
$$;

-- Takes a report out of the index, as when its compartment is shredded. It reads every posting:
-- which tokens a report was filed under is known to nobody any more.
CREATE FUNCTION unfile_report(gone bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint;
BEGIN
    DELETE FROM match_index_report WHERE serial = gone
    RETURNING (serial << 16) | least(length, 65535) INTO wanted;
    DELETE FROM match_index_key WHERE serial = gone;
    UPDATE match_index_recent SET entries = without_entry(entries, wanted)
     WHERE position(int8send(wanted) IN entries) > 0 AND place_of_entry(entries, wanted) > 0;
    UPDATE match_index_posting SET entries = without_entry(entries, wanted)
     WHERE position(int8send(wanted) IN entries) > 0 AND place_of_entry(entries, wanted) > 0;
END $$;

REVOKE EXECUTE ON FUNCTION pack_postings, unfile_report FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pack_postings, unfile_report TO clearhouse_desk;
