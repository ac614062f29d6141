-- Submissions (what came through a door) and the reports found in them.

CREATE TABLE submission (
    receipt text PRIMARY KEY,
    actor_id text NOT NULL,
    party_id text NOT NULL,
    received_at timestamptz NOT NULL,
    format text NOT NULL,
    size_bytes integer NOT NULL,
    original_payload text NOT NULL,
    idempotency_mark bytea,         -- HMAC: a key may name a file or hash a report
    body_mark bytea NOT NULL,       -- HMAC: the same bytes again, and no way to guess them
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'processing', 'done')),
    status_at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('submission');
CREATE UNIQUE INDEX ON submission (actor_id, idempotency_mark)
    WHERE idempotency_mark IS NOT NULL;

CREATE TABLE report (
    report_id text PRIMARY KEY,
    receipt text NOT NULL REFERENCES submission,
    ordinal integer NOT NULL,
    received_at timestamptz NOT NULL,
    actor_id text NOT NULL,
    party_id text NOT NULL,
    format text NOT NULL,
    content_payload text NOT NULL,
    present_elements text[] NOT NULL,   -- of the six elements of a ready report
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (receipt, ordinal)
);
CALL protect('report');
CREATE INDEX ON report (received_at);

-- How far each report has come on the route; one row a room passed.
CREATE TABLE passage (
    report_id text NOT NULL REFERENCES report,
    room text NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (report_id, room)
);
CALL protect('passage');

GRANT INSERT ON submission, report TO clearhouse_counter;
CREATE POLICY take_in ON submission FOR INSERT TO clearhouse_counter WITH CHECK (true);
CREATE POLICY take_in ON report FOR INSERT TO clearhouse_counter WITH CHECK (true);

-- What the holder of a receipt may know.
CREATE FUNCTION submission_status(wanted text)
RETURNS TABLE (receipt text, status text, status_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT receipt, status, status_at FROM submission WHERE receipt = wanted
$$;

-- An earlier submission of the transaction's actor under the same idempotency key.
CREATE FUNCTION earlier_submission(wanted_mark bytea)
RETURNS TABLE (receipt text, body_mark bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT receipt, body_mark FROM submission
     WHERE idempotency_mark = wanted_mark
       AND actor_id = nullif(current_setting('clearhouse.actor', true), '')
$$;

-- Leaves the originals that these reports came in to the given readers and the sending party.
CREATE FUNCTION limit_originals(wanted text[], house text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM report WHERE report_id = ANY (wanted)
                  AND NOT readers && principals()) THEN
        RAISE EXCEPTION 'not read in to these reports' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM limit_readers(compartment, house || party_id)
       FROM (SELECT DISTINCT s.compartment, s.party_id
               FROM report r JOIN submission s USING (receipt)
              WHERE r.report_id = ANY (wanted)) AS original;
END $$;
REVOKE EXECUTE ON FUNCTION limit_originals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION limit_originals TO clearhouse_desk;
