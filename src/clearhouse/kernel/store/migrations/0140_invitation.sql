-- Invitations: what one person of a party is told of a case, at the counter for whoever has the link.
--
-- The counter's role reads none of these tables. With the hash of the code in a link it is handed
-- what that link shows, sealed under a key that the code and the counter's own folder give together.

CREATE TABLE counter_invitation (
    invitation_id text PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,     -- SHA-256 of the code
    case_id text NOT NULL REFERENCES coordination_case,
    party_id text NOT NULL REFERENCES party,
    actor_id text NOT NULL REFERENCES actor,        -- who speaks by it
    made_by text NOT NULL REFERENCES actor,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    code_payload text NOT NULL REFERENCES payload,  -- so that the house can tell what is new
    told_at timestamptz,            -- as of when it shows what it shows
    told_of text,                   -- which state of the case that was
    sealed bytea NOT NULL,          -- empty while it shows nothing
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('counter_invitation');
CREATE INDEX ON counter_invitation (case_id);

CREATE TABLE counter_statement (
    statement_id text PRIMARY KEY,
    invitation_id text NOT NULL REFERENCES counter_invitation,
    hash bytea NOT NULL,
    at timestamptz NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    outcome text,                   -- null until it is taken up; then what became of it, in codes
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('counter_statement');
CREATE INDEX ON counter_statement (invitation_id);

CREATE FUNCTION invitation_of(wanted bytea)
RETURNS TABLE (
    invitation_id text, party_id text, expires_at timestamptz, told_at timestamptz, sealed bytea
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT i.invitation_id, i.party_id, i.expires_at, i.told_at, i.sealed FROM counter_invitation i
     WHERE i.hash = wanted AND i.ended_at IS NULL AND i.sealed <> ''
$$;

CREATE FUNCTION statements_of(wanted bytea)
RETURNS TABLE (at timestamptz, outcome text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT s.at, s.outcome FROM counter_statement s JOIN counter_invitation i USING (invitation_id)
     WHERE i.hash = wanted AND i.ended_at IS NULL ORDER BY s.at, s.statement_id
$$;

CREATE FUNCTION may_state(wanted text, by bytea) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT EXISTS (SELECT FROM counter_invitation i
                    WHERE i.invitation_id = wanted AND i.hash = by AND i.ended_at IS NULL
                      AND i.sealed <> '')
$$;

REVOKE EXECUTE ON FUNCTION invitation_of, statements_of, may_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION invitation_of, statements_of, may_state TO clearhouse_counter;
GRANT INSERT ON counter_statement TO clearhouse_counter;
CREATE POLICY take_in ON counter_statement FOR INSERT TO clearhouse_counter
    WITH CHECK (outcome IS NULL AND may_state(invitation_id, hash));

-- What is destroyed in its case is destroyed here too.
CREATE FUNCTION empty_invitations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    UPDATE counter_invitation SET sealed = '' WHERE compartment = NEW.compartment AND sealed <> '';
    RETURN NULL;
END $$;
CREATE TRIGGER empty_invitations AFTER UPDATE OF wrapped ON data_key
    FOR EACH ROW WHEN (NEW.wrapped IS NULL) EXECUTE FUNCTION empty_invitations();
REVOKE EXECUTE ON FUNCTION empty_invitations FROM PUBLIC;
