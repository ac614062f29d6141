-- Questions of the house that lie at the counter for whoever made a report, and the answers.
--
-- The counter's role reads none of these tables. With the receipt of a submission, and acting for
-- the party that sent it, it is handed what is meant for that party; each letter is sealed under a
-- key that the receipt and the counter's own folder give together.

CREATE TABLE counter_letter (
    letter_id text PRIMARY KEY,
    message_id text NOT NULL REFERENCES case_message,
    receipt text NOT NULL REFERENCES submission,
    at timestamptz NOT NULL,
    sealed bytea NOT NULL,          -- empty once what the case says was destroyed
    answered_at timestamptz,
    compartment text NOT NULL,      -- that of the thread
    readers text[] NOT NULL,
    UNIQUE (message_id, receipt)
);
CALL protect('counter_letter');
CREATE INDEX ON counter_letter (receipt);

CREATE TABLE counter_answer (
    answer_id text PRIMARY KEY,
    letter_id text NOT NULL REFERENCES counter_letter,
    at timestamptz NOT NULL,
    actor_id text NOT NULL REFERENCES actor,
    content_payload text NOT NULL REFERENCES payload,
    outcome text,                   -- null until it is taken up; then `posted`, or why it was not
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('counter_answer');

-- What lies at the counter for the party of the transaction's actor.
CREATE FUNCTION letters_of(wanted text)
RETURNS TABLE (letter_id text, at timestamptz, sealed bytea, answered_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT l.letter_id, l.at, l.sealed, l.answered_at
      FROM counter_letter l JOIN submission s USING (receipt)
     WHERE l.receipt = wanted AND l.sealed <> ''
       AND s.party_id = ANY (l.readers) AND s.party_id = ANY (principals())
     ORDER BY l.at, l.letter_id
$$;

CREATE FUNCTION may_answer(wanted text, by text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT by = nullif(current_setting('clearhouse.actor', true), '')
       AND EXISTS (SELECT FROM counter_letter l JOIN submission s USING (receipt)
                    WHERE l.letter_id = wanted AND l.sealed <> ''
                      AND s.party_id = ANY (l.readers) AND s.party_id = ANY (principals()))
$$;

-- The public advisories that a submission became part of. Before they are public there are none.
CREATE FUNCTION advisories_of(wanted text) RETURNS TABLE (advisory_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT DISTINCT p.advisory_id
      FROM report r JOIN case_report USING (report_id) JOIN publication p USING (case_id)
      JOIN advisory a USING (advisory_id)
     WHERE r.receipt = wanted AND a.written_at IS NOT NULL
     ORDER BY 1
$$;

-- What is destroyed in its thread is destroyed here too.
CREATE FUNCTION empty_letters() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    UPDATE counter_letter SET sealed = '' WHERE compartment = NEW.compartment AND sealed <> '';
    RETURN NULL;
END $$;
CREATE TRIGGER empty_letters AFTER UPDATE OF wrapped ON data_key
    FOR EACH ROW WHEN (NEW.wrapped IS NULL) EXECUTE FUNCTION empty_letters();

REVOKE EXECUTE ON FUNCTION letters_of, may_answer, advisories_of, empty_letters FROM PUBLIC;
GRANT EXECUTE ON FUNCTION letters_of, may_answer, advisories_of TO clearhouse_counter;
GRANT INSERT ON counter_answer TO clearhouse_counter;
CREATE POLICY take_in ON counter_answer FOR INSERT TO clearhouse_counter
    WITH CHECK (may_answer(letter_id, actor_id));
