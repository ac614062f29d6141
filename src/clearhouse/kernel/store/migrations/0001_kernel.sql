-- Who acts, what is sealed, and what happened.
--
-- Need to know is enforced here a second time: every protected table carries `readers`, the
-- principals (actors, parties, groups) that may see the row, and row-level security compares
-- them with the actor of the transaction. Without an actor nothing protected is visible.

CREATE TABLE party (
    party_id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('coordinator', 'finder', 'reporter', 'vendor', 'operator',
                                       'lab', 'evaluator', 'auditor')),
    name text NOT NULL UNIQUE,
    contact text,
    created_at timestamptz NOT NULL
);

CREATE TABLE actor (
    actor_id text PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    kind text NOT NULL CHECK (kind IN ('person', 'agent', 'system')),
    name text NOT NULL,
    responsible_actor_id text REFERENCES actor,
    roles text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    UNIQUE (party_id, name),
    CHECK (kind <> 'agent' OR responsible_actor_id IS NOT NULL)
);

CREATE TABLE token (
    token_id text PRIMARY KEY,
    actor_id text NOT NULL REFERENCES actor,
    hash bytea NOT NULL UNIQUE,
    label text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

-- Those who may act. An agent may only while the person responsible for it may.
CREATE VIEW live_actor AS
    SELECT a.actor_id, a.party_id, a.kind, a.name, a.roles
      FROM actor a LEFT JOIN actor person ON person.actor_id = a.responsible_actor_id
     WHERE a.revoked_at IS NULL AND person.revoked_at IS NULL;

-- The principals of the transaction's actor: itself, its party, and a group per role.
-- A revoked actor has none, so revocation takes effect with the next statement.
CREATE FUNCTION principals() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT coalesce(
        (SELECT ARRAY[actor_id, party_id]
                || ARRAY(SELECT 'role:' || role FROM unnest(roles) AS role)
           FROM live_actor
          WHERE actor_id = nullif(current_setting('clearhouse.actor', true), '')),
        '{}')
$$;

-- The actor behind a live token, for doors whose role may not read the token table.
CREATE FUNCTION authenticate(token_hash bytea, at timestamptz)
RETURNS TABLE (actor_id text, party_id text, kind text, name text, roles text[], scopes text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT a.actor_id, a.party_id, a.kind, a.name, a.roles, t.scopes
      FROM token t JOIN live_actor a USING (actor_id)
     WHERE t.hash = token_hash AND t.revoked_at IS NULL AND t.expires_at > at
$$;

-- Puts a table under need to know. It must have `compartment` and `readers`.
CREATE PROCEDURE protect(target regclass)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    -- Functions declared SECURITY DEFINER run as the owner; nobody else does.
    EXECUTE format('CREATE POLICY definer ON %s TO CURRENT_USER USING (true)', target);
    EXECUTE format('CREATE POLICY need_to_know ON %s TO clearhouse_desk '
                   'USING (readers && (SELECT principals())) '
                   'WITH CHECK (cardinality(readers) > 0)', target);
    IF NOT EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid
                                                         AND attnum = indkey[0]
                    WHERE indrelid = target AND attname = 'compartment') THEN
        EXECUTE format('CREATE INDEX ON %s (compartment)', target);
    END IF;
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO clearhouse_desk', target);
END $$;

CREATE TABLE data_key (
    compartment text PRIMARY KEY,
    wrapped bytea,                 -- null once shredded
    kek_id text NOT NULL,
    readers text[] NOT NULL,
    created_at timestamptz NOT NULL,
    shredded_at timestamptz
);
CALL protect('data_key');

-- Whether something is sealed to another key than this one.
CREATE FUNCTION foreign_keys(own text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT EXISTS (SELECT FROM data_key WHERE kek_id < own OR kek_id > own)
$$;
CREATE INDEX ON data_key (kek_id);

CREATE TABLE payload (
    payload_id text PRIMARY KEY,
    compartment text NOT NULL REFERENCES data_key,
    kind text NOT NULL,
    sealed bytea NOT NULL,
    readers text[] NOT NULL
);
ALTER TABLE payload ALTER COLUMN sealed SET STORAGE EXTERNAL; -- ciphertext does not compress
CALL protect('payload');

-- Opens or closes a compartment: changes the readers of every row in it, in every table.
CREATE FUNCTION set_readers(target text, now_readers text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
DECLARE
    protected regclass;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM data_key
                    WHERE compartment = target AND readers && principals()) THEN
        RAISE EXCEPTION 'not read in to this compartment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF cardinality(now_readers) = 0 THEN
        RAISE EXCEPTION 'a compartment needs a reader' USING ERRCODE = 'check_violation';
    END IF;
    FOR protected IN
        SELECT polrelid::regclass FROM pg_policy
         WHERE polname = 'need_to_know' AND polrelid IN (
            SELECT attrelid FROM pg_attribute WHERE attname = 'compartment' AND NOT attisdropped)
    LOOP
        EXECUTE format('UPDATE %s SET readers = $1 WHERE compartment = $2 AND readers <> $1',
                       protected) USING now_readers, target;
    END LOOP;
END $$;

-- Narrows a compartment without asking who does it; only functions of the owner call it.
CREATE FUNCTION limit_readers(target text, now_readers text[]) RETURNS void
LANGUAGE plpgsql SET search_path = clearhouse, pg_temp AS $$
DECLARE
    protected regclass;
BEGIN
    FOR protected IN
        SELECT polrelid::regclass FROM pg_policy
         WHERE polname = 'need_to_know' AND polrelid IN (
            SELECT attrelid FROM pg_attribute WHERE attname = 'compartment' AND NOT attisdropped)
    LOOP
        EXECUTE format('UPDATE %s SET readers = $1 WHERE compartment = $2 AND readers <> $1',
                       protected) USING now_readers, target;
    END LOOP;
END $$;

CREATE TABLE ledger_event (
    event_id text PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    actor_id text NOT NULL,
    subject text NOT NULL,
    body bytea NOT NULL,           -- canonical JSON; the leaf is its hash
    compartment text,
    readers text[] NOT NULL
);
CALL protect('ledger_event');
CREATE INDEX ON ledger_event (subject);

-- Events wait here, hash only, until the sequencer gives them their place in the tree.
CREATE TABLE ledger_pending (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id text NOT NULL,
    leaf_hash bytea NOT NULL
);

CREATE TABLE ledger_leaf (
    leaf_index bigint PRIMARY KEY,
    event_id text NOT NULL UNIQUE,
    leaf_hash bytea NOT NULL
);

CREATE TABLE ledger_node (
    level smallint NOT NULL,
    node_index bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (level, node_index)
);

CREATE TABLE tree_head (
    size bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    root bytea NOT NULL,
    envelope jsonb NOT NULL
);

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - 'readers' = to_jsonb(NEW) - 'readers' THEN
        RETURN NEW; -- who may read an event may change; what it says may not
    END IF;
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ledger_event', 'ledger_leaf', 'ledger_node', 'tree_head'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I '
                       'FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()', name);
        EXECUTE format('CREATE TRIGGER append_only_all BEFORE TRUNCATE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()', name);
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION set_readers, limit_readers, foreign_keys FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_readers, foreign_keys TO clearhouse_desk;
GRANT USAGE ON SCHEMA clearhouse TO clearhouse_desk, clearhouse_counter;
GRANT SELECT, INSERT, UPDATE ON party, actor, token TO clearhouse_desk;
GRANT SELECT ON live_actor TO clearhouse_desk;
GRANT SELECT, INSERT ON ledger_leaf, ledger_node, tree_head TO clearhouse_desk;
GRANT SELECT, INSERT, DELETE ON ledger_pending TO clearhouse_desk;

-- The counter takes things in; it cannot read what it took.
GRANT INSERT ON data_key, payload, ledger_event, ledger_pending TO clearhouse_counter;
CREATE POLICY take_in ON data_key FOR INSERT TO clearhouse_counter WITH CHECK (true);
CREATE POLICY take_in ON payload FOR INSERT TO clearhouse_counter WITH CHECK (true);
CREATE POLICY take_in ON ledger_event FOR INSERT TO clearhouse_counter WITH CHECK (true);
GRANT SELECT ON tree_head TO clearhouse_counter;
