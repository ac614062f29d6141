-- Relay between coordinators: who the peers are, what went to them and came from them.
--
-- Envelopes are sealed, each link's in a compartment of its own that only the house reads. In the
-- clear are times, labels, counts and random ids.

CREATE TABLE relay_peer (
    peer_id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('clearhouse', 'vince', 'github', 'tap', 'mail')),
    name text NOT NULL,
    party_id text NOT NULL REFERENCES party,
    actor_id text NOT NULL REFERENCES actor,
    node_id text,                       -- of its Clearhouse; null for the other kinds
    address text NOT NULL,
    sends_up_to text NOT NULL,          -- the strictest TLP label of what goes to it
    takes_up_to text NOT NULL,          -- the strictest TLP label of what comes from it
    enrolled_at timestamptz NOT NULL,
    document_at timestamptz,            -- of the node document that is believed
    revoked_at timestamptz,
    secret_payload text REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    CHECK ((kind = 'clearhouse') = (node_id IS NOT NULL))
);
CALL protect('relay_peer');
CREATE UNIQUE INDEX ON relay_peer (node_id) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX ON relay_peer (name) WHERE revoked_at IS NULL;

CREATE TABLE relay_key (
    peer_id text NOT NULL REFERENCES relay_peer,
    key_id text NOT NULL,
    public bytea NOT NULL CHECK (length(public) = 32),
    since timestamptz NOT NULL,
    until timestamptz,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (peer_id, key_id)
);
CALL protect('relay_key');
CREATE INDEX ON relay_key (key_id);

-- One matter between the house and one peer: which case it is here, and how each side calls it.
CREATE TABLE relay_link (
    link_id text PRIMARY KEY,
    case_id text NOT NULL REFERENCES coordination_case,
    peer_id text NOT NULL REFERENCES relay_peer,
    our_handle text NOT NULL UNIQUE,
    their_handle text,
    opened_at timestamptz NOT NULL,
    sent integer NOT NULL DEFAULT 0,    -- the number of the last envelope that was written
    heard integer NOT NULL DEFAULT 0,   -- the number of the last state that was heard
    told_at timestamptz,
    told_until timestamptz,             -- the embargo under which the other side holds it
    told_payload text REFERENCES payload,
    closed_because text,                -- a code; nothing more is sent
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (case_id, peer_id, their_handle) -- one matter there may be several cases here
);
CALL protect('relay_link');
CREATE INDEX ON relay_link (peer_id, their_handle);

-- What goes out. It waits until it is due, again after each failure, and behind what was written
-- before it in the same matter; it is given up only when the other side refuses it.
CREATE TABLE relay_out (
    envelope_id text PRIMARY KEY,
    link_id text NOT NULL REFERENCES relay_link,
    number integer NOT NULL,
    kind text NOT NULL,
    tlp text NOT NULL,
    made_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    failure text,                       -- a kind or a code, never the words of the other side
    sent_at timestamptz,
    refused text,                       -- a code; final
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (link_id, number)
);
CALL protect('relay_out');
CREATE INDEX ON relay_out (due_at) WHERE sent_at IS NULL AND refused IS NULL;

-- What came in: once each, whatever was sent again.
CREATE TABLE relay_in (
    inbound_id text PRIMARY KEY,
    peer_id text NOT NULL REFERENCES relay_peer,
    envelope_id text NOT NULL,
    kind text NOT NULL,
    handle text NOT NULL,
    number integer NOT NULL,
    tlp text NOT NULL,
    received_at timestamptz NOT NULL,
    receipts text[] NOT NULL,           -- of the originals, in their order
    body_mark bytea NOT NULL,           -- HMAC: the same bytes again, and no way to guess them
    taken_at timestamptz,
    outcome text,                       -- `accepted`, or why it had no effect
    link_id text REFERENCES relay_link,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (peer_id, envelope_id)
);
CALL protect('relay_in');
CREATE INDEX ON relay_in (peer_id, handle) WHERE taken_at IS NULL;
GRANT INSERT ON relay_in TO clearhouse_counter;
CREATE POLICY take_in ON relay_in FOR INSERT TO clearhouse_counter WITH CHECK (true);

-- Each signed request counts once; after `until` its signature has expired anyway.
CREATE TABLE relay_nonce (
    peer_id text NOT NULL,
    nonce text NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (peer_id, nonce)
);
ALTER TABLE relay_nonce ENABLE ROW LEVEL SECURITY;
ALTER TABLE relay_nonce FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON relay_nonce TO CURRENT_USER USING (true);
CREATE POLICY tidy ON relay_nonce TO clearhouse_desk
    USING ('role:clearing' = ANY ((SELECT principals())::text[]));
GRANT SELECT, DELETE ON relay_nonce TO clearhouse_desk;
CREATE INDEX ON relay_nonce (until);

-- Who signs with a key, for the counter, which may not read the peers; a live peer first.
CREATE FUNCTION relay_caller(wanted text)
RETURNS TABLE (peer_id text, party_id text, actor_id text, name text, roles text[], node_id text,
               takes_up_to text, public bytea, since timestamptz, until timestamptz,
               revoked boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT p.peer_id, p.party_id, p.actor_id, a.name, a.roles, p.node_id, p.takes_up_to, k.public,
           k.since, k.until,
           p.revoked_at IS NOT NULL
               OR NOT EXISTS (SELECT FROM live_actor l WHERE l.actor_id = p.actor_id)
      FROM relay_key k JOIN relay_peer p USING (peer_id) JOIN actor a ON a.actor_id = p.actor_id
     WHERE k.key_id = wanted
     ORDER BY p.revoked_at NULLS FIRST LIMIT 1
$$;

-- Uses a nonce up; false when it was used before.
CREATE FUNCTION relay_use_nonce(wanted_peer text, wanted_nonce text, valid_until timestamptz)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    WITH used AS (INSERT INTO relay_nonce VALUES (wanted_peer, wanted_nonce, valid_until)
                  ON CONFLICT DO NOTHING RETURNING 1)
    SELECT EXISTS (SELECT FROM used)
$$;

-- The mark of an envelope that a peer has sent before.
CREATE FUNCTION relay_earlier(wanted_peer text, wanted_envelope text)
RETURNS TABLE (inbound_id text, body_mark bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT inbound_id, body_mark FROM relay_in
     WHERE peer_id = wanted_peer AND envelope_id = wanted_envelope
$$;

-- Whether a peer has a matter with the house under one of these names.
CREATE FUNCTION relay_has_matter(wanted_peer text, theirs text, ours text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT EXISTS (SELECT FROM relay_link WHERE peer_id = wanted_peer
                    AND (their_handle = theirs OR our_handle = ours))
        OR EXISTS (SELECT FROM relay_in WHERE peer_id = wanted_peer AND handle = theirs
                    AND kind = 'case')
$$;
REVOKE EXECUTE ON FUNCTION relay_caller, relay_use_nonce, relay_earlier, relay_has_matter
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION relay_caller, relay_use_nonce, relay_earlier, relay_has_matter
    TO clearhouse_counter;

-- Which of these originals hold nothing but these reports, to whoever may read the originals.
CREATE FUNCTION whole_submissions(wanted text[], reports text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT s.receipt FROM submission s
     WHERE s.receipt = ANY (wanted) AND s.readers && principals()
       AND NOT EXISTS (SELECT FROM report r
                        WHERE r.receipt = s.receipt AND r.report_id <> ALL (reports))
$$;
REVOKE EXECUTE ON FUNCTION whole_submissions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION whole_submissions TO clearhouse_desk;
