-- Blind lookup between houses: what peers ask, until it is answered and fetched.
--
-- A question is blinded, an answer is signed; neither tells what was asked for.

CREATE TABLE peer_lookup (
    peer_id text NOT NULL REFERENCES relay_peer,
    lookup_id text NOT NULL,
    question bytea NOT NULL,
    asked_at timestamptz NOT NULL,
    answer bytea,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (peer_id, lookup_id)
);
CALL protect('peer_lookup');
CREATE INDEX ON peer_lookup (asked_at);
GRANT INSERT ON peer_lookup TO clearhouse_counter;
CREATE POLICY take_in ON peer_lookup FOR INSERT TO clearhouse_counter WITH CHECK (true);

-- What a peer asked under this id, and the answer when there is one, for the counter, which may read
-- no row.
CREATE FUNCTION peer_lookup_of(wanted_peer text, wanted text)
RETURNS TABLE (question bytea, answer bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT question, answer FROM peer_lookup WHERE peer_id = wanted_peer AND lookup_id = wanted
$$;
REVOKE EXECUTE ON FUNCTION peer_lookup_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION peer_lookup_of TO clearhouse_counter;
