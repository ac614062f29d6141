-- The index of earlier reports for hundreds of thousands of them: packed postings, and which model
-- a report was last compared with.
--
-- An entry is a report's serial number and its length in tokens, in one number. What was filed
-- lately stands entry by entry in match_index_token; pack_postings() moves it into one row a token.

ALTER TABLE match_report ADD COLUMN rule text;  -- null until compared, and again before a rematch
CREATE INDEX ON match_report (received_at, report_id) WHERE rule IS NULL;
UPDATE match_report SET rule = 'match-model/1'
 WHERE serial IN (SELECT serial FROM match_index_report);

ALTER TABLE match_index_token RENAME COLUMN serial TO entry;
UPDATE match_index_token t SET entry = (r.serial << 16) | least(r.length, 65535)
  FROM match_index_report r WHERE r.serial = t.entry;

CREATE TABLE match_index_posting (
    token bigint PRIMARY KEY,
    entries bytea NOT NULL          -- eight bytes each, big-endian, in the order of packing
);
ALTER TABLE match_index_posting ALTER COLUMN entries SET STORAGE EXTERNAL; -- length without reading
ALTER TABLE match_index_posting ENABLE ROW LEVEL SECURITY;
ALTER TABLE match_index_posting FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON match_index_posting TO CURRENT_USER USING (true);
CREATE POLICY machinery ON match_index_posting TO clearhouse_desk
    USING ((SELECT 'role:clearing' = ANY (principals())));
GRANT SELECT, INSERT, UPDATE, DELETE ON match_index_posting TO clearhouse_desk;

-- One edge by likeness for each pair at a time, whoever of the two was compared last.
CREATE UNIQUE INDEX match_edge_one_suggestion ON match_edge (left_report, right_report)
    WHERE basis = 'similarity' AND state <> 'retracted';

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
    WITH taken AS (DELETE FROM match_index_token RETURNING token, entry), packed AS (
        INSERT INTO match_index_posting AS p (token, entries)
        SELECT token, string_agg(int8send(entry), ''::bytea ORDER BY entry)
          FROM taken GROUP BY token ORDER BY token
        ON CONFLICT (token) DO UPDATE SET entries = p.entries || excluded.entries)
    SELECT count(*) INTO moved FROM taken;
    RETURN moved;
END $$;

-- Where an entry stands in packed entries, from 1; 0 when it is not there.
CREATE FUNCTION place_of_entry(entries bytea, entry bigint) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(min(i), 0) FROM generate_series(1, octet_length(entries), 8) AS i
     WHERE substring(entries FROM i FOR 8) = int8send(entry)
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
    DELETE FROM match_index_token WHERE entry = wanted;
    UPDATE match_index_posting
       SET entries = overlay(entries PLACING ''::bytea
                             FROM place_of_entry(entries, wanted) FOR 8)
     WHERE position(int8send(wanted) IN entries) > 0 AND place_of_entry(entries, wanted) > 0;
END $$;

REVOKE EXECUTE ON FUNCTION pack_postings, unfile_report FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pack_postings, unfile_report TO clearhouse_desk;
