-- Early access: windows, who is admitted, who holds a grant, and what was served.
--
-- The gateway's role has no right on any table. It may call the four functions at the end, whose
-- arguments never hold anything that a caller of the gateway sent.

ALTER TABLE party DROP CONSTRAINT party_kind_check;
ALTER TABLE party ADD CONSTRAINT party_kind_check CHECK (kind IN (
    'coordinator', 'finder', 'reporter', 'vendor', 'operator', 'lab', 'evaluator', 'auditor',
    'government'));

-- A window for one version of one model. Its compartment is what nominated parties may read; its
-- deliberation is a second compartment, for the lab and the government alone.
CREATE TABLE access_window (
    window_id text PRIMARY KEY,
    label text NOT NULL,
    lab_party_id text NOT NULL REFERENCES party,
    government_party_id text NOT NULL REFERENCES party,
    model text NOT NULL,
    model_digest text NOT NULL,
    served_names text[] NOT NULL,
    state text NOT NULL CHECK (state IN ('draft', 'open', 'paused', 'closed')),
    opens_at timestamptz NOT NULL,
    partners_from timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    released_at timestamptz,
    opened_at timestamptz,           -- when it was first opened; from then on its start stands
    closed_at timestamptz,
    terms text NOT NULL,
    terms_sha256 text NOT NULL,
    selection text NOT NULL,
    capacity integer NOT NULL CHECK (capacity > 0),
    created_at timestamptz NOT NULL,
    deliberation text NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    CONSTRAINT thirty_days CHECK (closes_at >= opens_at
                                  AND closes_at - opens_at <= interval '30 days'),
    CONSTRAINT government_then_partners_then_public CHECK (
        partners_from >= opens_at AND partners_from <= closes_at
        AND (released_at IS NULL OR released_at >= closes_at))
);
CALL protect('access_window');

-- Thirty days from the first access, whatever is edited in between: a start that moved along with
-- the end, or a second window for the same model, would stretch them.
CREATE FUNCTION hold_thirty_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.opened_at IS NOT NULL THEN
            RAISE EXCEPTION 'a window that was open is never removed' USING ERRCODE = 'check_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.window_id <> OLD.window_id THEN
        RAISE EXCEPTION 'a window keeps its name' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.opened_at IS NOT NULL THEN
        IF (NEW.opened_at, NEW.opens_at, NEW.lab_party_id, NEW.government_party_id, NEW.model,
            NEW.model_digest) IS DISTINCT FROM
           (OLD.opened_at, OLD.opens_at, OLD.lab_party_id, OLD.government_party_id, OLD.model,
            OLD.model_digest) OR NEW.state = 'draft' THEN
            RAISE EXCEPTION 'the start, the sides and the model of an opened window stand'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'closed'
       AND (NEW.state <> 'closed' OR NEW.closes_at <> OLD.closes_at) THEN
        RAISE EXCEPTION 'a closed window stays closed' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.opened_at IS NULL AND NEW.state IN ('open', 'paused') THEN
        RAISE EXCEPTION 'an open window has an instant of opening' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.opened_at IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(NEW.lab_party_id || NEW.model_digest, 90));
        IF EXISTS (SELECT FROM access_window other
                    WHERE other.lab_party_id = NEW.lab_party_id
                      AND other.model_digest = NEW.model_digest
                      AND other.window_id <> NEW.window_id AND other.opened_at IS NOT NULL
                      AND greatest(other.closes_at, NEW.closes_at)
                          - least(other.opens_at, NEW.opens_at) > interval '30 days') THEN
            RAISE EXCEPTION 'the windows of one model span more than thirty days'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_thirty_days BEFORE INSERT OR UPDATE OR DELETE ON access_window
    FOR EACH ROW EXECUTE FUNCTION hold_thirty_days();

CREATE TABLE access_nomination (
    window_id text NOT NULL REFERENCES access_window,
    party_id text NOT NULL REFERENCES party,
    side text NOT NULL CHECK (side IN ('lab', 'government')),
    actor_id text NOT NULL,
    reason_payload text NOT NULL REFERENCES payload,
    at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (window_id, party_id, side)
);
CALL protect('access_nomination');

CREATE TABLE access_admission (
    admission_id text PRIMARY KEY,
    window_id text NOT NULL REFERENCES access_window,
    party_id text NOT NULL REFERENCES party,
    sponsor_party_id text REFERENCES party,
    track text NOT NULL,
    tier text NOT NULL CHECK (tier IN ('government', 'partner')),
    state text NOT NULL CHECK (state IN ('submitted', 'approved', 'provisioned', 'ready',
                                         'declined', 'appealed', 'refused', 'withdrawn')),
    submitted_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    reason_codes text[] NOT NULL,
    content_payload text NOT NULL REFERENCES payload,   -- statement and persons
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (window_id, party_id)
);
CALL protect('access_admission');

-- What each side wrote about an application: scores, conflicts of interest, and its word.
CREATE TABLE access_assessment (
    assessment_id text PRIMARY KEY,
    admission_id text NOT NULL REFERENCES access_admission,
    side text NOT NULL CHECK (side IN ('lab', 'government')),
    kind text NOT NULL CHECK (kind IN ('score', 'conflict', 'decision')),
    actor_id text NOT NULL,
    round integer NOT NULL,          -- 1 for the application, 2 for the appeal
    at timestamptz NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('access_assessment');
CREATE INDEX ON access_assessment (admission_id);

CREATE TABLE access_grant (
    grant_id text PRIMARY KEY,
    window_id text NOT NULL REFERENCES access_window,
    admission_id text NOT NULL REFERENCES access_admission,
    holder_actor_id text NOT NULL REFERENCES actor,
    state text NOT NULL CHECK (state IN ('pending', 'active', 'revoked')),
    jkt text,                        -- thumbprint of the holder's key (RFC 7638)
    jwk jsonb,
    endpoints text[] NOT NULL,
    purposes text[] NOT NULL,
    networks text[] NOT NULL,
    calls_per_minute integer NOT NULL CHECK (calls_per_minute > 0),
    concurrent_calls integer NOT NULL CHECK (concurrent_calls > 0),
    token_budget bigint NOT NULL CHECK (token_budget > 0),
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    issued_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    activated_at timestamptz,
    revoked_at timestamptz,
    revoked_because text,
    attributes_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    CHECK (not_after >= not_before),
    CHECK (jkt IS NOT NULL OR state <> 'active')
);
CALL protect('access_grant');
CREATE UNIQUE INDEX ON access_grant (jkt) WHERE state = 'active';
CREATE INDEX ON access_grant (window_id);

CREATE FUNCTION keep_grant_inside_window() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'revoked' AND NEW.state <> 'revoked' THEN
        RAISE EXCEPTION 'a revoked grant stays revoked' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> 'revoked' AND NOT EXISTS (
        SELECT FROM access_window w JOIN access_admission a ON a.admission_id = NEW.admission_id
         WHERE w.window_id = NEW.window_id AND a.window_id = w.window_id
           AND NEW.not_after <= w.closes_at
           AND NEW.not_before >= CASE a.tier WHEN 'government' THEN w.opens_at
                                             ELSE w.partners_from END) THEN
        RAISE EXCEPTION 'a grant stays inside its window' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_grant_inside_window BEFORE INSERT OR UPDATE OF
    state, window_id, admission_id, not_before, not_after ON access_grant
    FOR EACH ROW EXECUTE FUNCTION keep_grant_inside_window();

-- Which named person accepted which clause, word for word.
CREATE TABLE access_acceptance (
    grant_id text NOT NULL REFERENCES access_grant,
    clause text NOT NULL,
    clause_sha256 text NOT NULL,
    actor_id text NOT NULL,
    at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (grant_id, clause)
);
CALL protect('access_acceptance');

-- One entry of a chain. A chain is named by its grant; the gateway keeps one of its own for
-- refusals that no grant can be named for.
CREATE TABLE access_receipt (
    chain text NOT NULL,
    entry bigint NOT NULL,
    kind text NOT NULL,
    sequence bigint NOT NULL,
    at timestamptz NOT NULL,
    tokens bigint NOT NULL,          -- reserved when opened, charged when closed
    body text NOT NULL,              -- canonical JSON (RFC 8785)
    sha256 bytea NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (chain, entry)
);
CALL protect('access_receipt');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON access_receipt
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER append_only_all BEFORE TRUNCATE ON access_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

CREATE TABLE access_alarm (
    alarm_id text PRIMARY KEY,
    window_id text NOT NULL REFERENCES access_window,
    grant_id text REFERENCES access_grant,
    sequence bigint,
    kind text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('access_alarm');
CREATE INDEX ON access_alarm (window_id, at);

-- Strings that must not pass, in prompts or in answers.
CREATE TABLE access_canary (
    canary_id text PRIMARY KEY,
    window_id text NOT NULL REFERENCES access_window,
    needle text NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('access_canary');

-- Answers of the pinned model to the canary prompts, and how often the served one gave the same.
CREATE TABLE access_fingerprint (
    fingerprint_id text PRIMARY KEY,
    window_id text NOT NULL REFERENCES access_window,
    at timestamptz NOT NULL,
    moment text NOT NULL CHECK (moment IN ('reference', 'start', 'random', 'end')),
    verdict text NOT NULL CHECK (verdict IN ('REFERENCE', 'MATCH', 'DOUBT', 'SWAP')),
    matched integer NOT NULL,
    prompts integer NOT NULL,
    answers_sha256 text[] NOT NULL,
    policy text NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('access_fingerprint');
CREATE INDEX ON access_fingerprint (window_id, at);

-- What an early user found, and where it went under the terms of the window.
CREATE TABLE access_finding (
    routing_id text PRIMARY KEY,
    window_id text NOT NULL REFERENCES access_window,
    grant_id text NOT NULL REFERENCES access_grant,
    kind text NOT NULL CHECK (kind IN ('vulnerability', 'safeguards')),
    receipt text,                    -- of the submission, for vulnerabilities
    at timestamptz NOT NULL,
    content_payload text REFERENCES payload,  -- for the lab, for safeguards
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('access_finding');

CREATE TABLE access_certificate (
    certificate_id text PRIMARY KEY,
    window_id text NOT NULL REFERENCES access_window,
    admission_id text NOT NULL REFERENCES access_admission,
    actor_id text NOT NULL,
    at timestamptz NOT NULL,
    destroyed text[] NOT NULL,
    method text NOT NULL,
    terms_sha256 text NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (admission_id)
);
CALL protect('access_certificate');

CREATE TABLE access_closure (
    window_id text PRIMARY KEY REFERENCES access_window,
    at timestamptz NOT NULL,
    because text NOT NULL,
    receipts bigint NOT NULL,
    chains bigint NOT NULL,
    root bytea NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('access_closure');

-- Where each chain stands under the root of a closed window, so that its holder can check its own
-- part without seeing anybody else's.
CREATE TABLE access_closure_path (
    chain text PRIMARY KEY,
    window_id text NOT NULL REFERENCES access_window,
    leaf_index integer NOT NULL,
    size integer NOT NULL,
    path bytea[] NOT NULL,
    head text NOT NULL,
    entries bigint NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('access_closure_path');

-- Whoever changes what may be served tells the gateway with the same commit.
CREATE FUNCTION tell_gateway() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    PERFORM pg_notify('access', '');
    RETURN NULL;
END $$;
CREATE TRIGGER tell_gateway AFTER INSERT OR UPDATE OR DELETE ON access_window
    FOR EACH STATEMENT EXECUTE FUNCTION tell_gateway();
CREATE TRIGGER tell_gateway AFTER INSERT OR UPDATE OR DELETE ON access_grant
    FOR EACH STATEMENT EXECUTE FUNCTION tell_gateway();
CREATE TRIGGER tell_gateway AFTER INSERT OR UPDATE OR DELETE ON access_canary
    FOR EACH STATEMENT EXECUTE FUNCTION tell_gateway();
CREATE TRIGGER tell_gateway AFTER UPDATE OF revoked_at ON actor
    FOR EACH STATEMENT EXECUTE FUNCTION tell_gateway();

-- Everything that may be served now.
CREATE FUNCTION gateway_grants()
RETURNS TABLE (grant_id text, window_id text, jkt text, jwk jsonb, model text,
               served_names text[], endpoints text[], purposes text[], networks text[],
               calls_per_minute integer, concurrent_calls integer, token_budget bigint,
               not_before timestamptz, not_after timestamptz, canaries text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT g.grant_id, g.window_id, g.jkt, g.jwk, w.model, w.served_names, g.endpoints,
           g.purposes, g.networks, g.calls_per_minute, g.concurrent_calls, g.token_budget,
           g.not_before, least(g.not_after, w.closes_at),
           ARRAY(SELECT needle FROM access_canary c WHERE c.window_id = w.window_id ORDER BY 1)
      FROM access_grant g
      JOIN access_window w USING (window_id)
      JOIN live_actor a ON a.actor_id = g.holder_actor_id
     WHERE g.state = 'active' AND w.state = 'open'
$$;

-- Where each chain ends, and what its grant has spent: charges, and reservations never settled.
CREATE FUNCTION gateway_tails()
RETURNS TABLE (chain text, entry bigint, sha256 bytea, sequence bigint, spent bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT chain, max(entry), (array_agg(sha256 ORDER BY entry DESC))[1], max(sequence),
           (SELECT coalesce(sum(coalesce(closed.tokens, opened.tokens)), 0)::bigint
              FROM access_receipt opened
              LEFT JOIN access_receipt closed ON closed.chain = opened.chain
                   AND closed.sequence = opened.sequence AND closed.kind = 'closed'
             WHERE opened.chain = r.chain AND opened.kind = 'opened')
      FROM access_receipt r GROUP BY chain
$$;

-- Takes entries in their order; one that does not continue its chain is refused.
CREATE FUNCTION gateway_record(bodies text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
DECLARE
    line text;
    item jsonb;
    held record;
    last bytea;
    taken integer := 0;
BEGIN
    FOREACH line IN ARRAY bodies LOOP
        item := line::jsonb;
        IF EXISTS (SELECT FROM access_receipt r WHERE r.chain = item ->> 'chain'
                      AND r.entry = (item ->> 'entry')::bigint
                      AND r.sha256 = sha256(convert_to(line, 'UTF8'))) THEN
            CONTINUE;
        END IF;
        SELECT g.compartment, g.readers INTO held FROM access_grant g
         WHERE g.grant_id = item ->> 'chain';
        IF NOT FOUND THEN
            SELECT 'gateway' AS compartment,
                   ARRAY['role:clearing', 'role:lab_officer', 'role:government_officer'] AS readers
              INTO held;
            IF (item ->> 'chain') NOT LIKE 'gtw\_%' THEN
                RAISE EXCEPTION 'no such chain' USING ERRCODE = 'foreign_key_violation';
            END IF;
        END IF;
        last := NULL;
        SELECT r.sha256 INTO last FROM access_receipt r
         WHERE r.chain = item ->> 'chain' ORDER BY r.entry DESC LIMIT 1;
        IF decode(item ->> 'previous', 'hex') IS DISTINCT FROM
           coalesce(last, sha256(convert_to(item ->> 'chain', 'UTF8'))) THEN
            RAISE EXCEPTION 'an entry does not continue its chain'
                USING ERRCODE = 'check_violation';
        END IF;
        INSERT INTO access_receipt VALUES (
            item ->> 'chain', (item ->> 'entry')::bigint, item ->> 'kind',
            (item ->> 'sequence')::bigint, (item ->> 'at')::timestamptz,
            coalesce((item ->> 'tokens')::bigint, 0), line, sha256(convert_to(line, 'UTF8')),
            held.compartment, held.readers);
        taken := taken + 1;
    END LOOP;
    RETURN taken;
END $$;

CREATE FUNCTION gateway_alarm(items jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    INSERT INTO access_alarm
    SELECT item ->> 'alarm', w.window_id, item ->> 'grant', (item ->> 'sequence')::bigint,
           item ->> 'kind', item ->> 'detail', (item ->> 'at')::timestamptz,
           w.deliberation, k.readers
      FROM jsonb_array_elements(items) AS item
      JOIN access_window w ON w.window_id = item ->> 'window'
      JOIN data_key k ON k.compartment = w.deliberation
    ON CONFLICT DO NOTHING
$$;

REVOKE EXECUTE ON FUNCTION hold_thirty_days, keep_grant_inside_window, tell_gateway FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION gateway_grants, gateway_tails, gateway_record, gateway_alarm FROM PUBLIC;
GRANT USAGE ON SCHEMA clearhouse TO clearhouse_gateway;
GRANT EXECUTE ON FUNCTION gateway_grants, gateway_tails, gateway_record, gateway_alarm
    TO clearhouse_gateway;
