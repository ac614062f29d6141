-- What operators say back about an advisory, and what the house says of it.

-- One row for each statement, the newest of a pseudonym counts. A pseudonym is a keyed hash of the
-- advisory and the party, so two advisories of one operator cannot be joined without the house's key.
-- Days alone are kept, no instants. Nobody at the desk reads a row: only the machinery that counts.
CREATE TABLE acknowledgement (
    acknowledgement_id text PRIMARY KEY,
    advisory_id text NOT NULL,
    pseudonym bytea NOT NULL CHECK (length(pseudonym) = 32),
    affected text NOT NULL CHECK (affected IN ('yes', 'no', 'unknown')),
    fixed_on date,
    said_on date NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,  -- the order of arrival
    release integer,                -- the first release that counted it; null while none has
    envelope jsonb NOT NULL,        -- as the operator signed it
    compartment text,
    readers text[] NOT NULL
);
CALL protect('acknowledgement');
CREATE INDEX ON acknowledgement (advisory_id, pseudonym, place);
CREATE INDEX ON acknowledgement (advisory_id) WHERE release IS NULL;
GRANT INSERT ON acknowledgement TO clearhouse_counter;
CREATE POLICY take_in ON acknowledgement FOR INSERT TO clearhouse_counter
    WITH CHECK (release IS NULL AND readers = ARRAY['role:clearing']);

-- Numbers that were released, which never change: the next ones stand beside them.
CREATE TABLE reach_release (
    advisory_id text NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    released_at timestamptz NOT NULL,
    body jsonb NOT NULL,            -- rounded numbers alone
    compartment text,
    readers text[] NOT NULL,
    PRIMARY KEY (advisory_id, number)
);
CALL protect('reach_release');
