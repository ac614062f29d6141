-- Blind lookup: which key answers, what is known under it, who holds it, and who asked how often.
--
-- An entry is an output of the house's pseudorandom function: whoever has not asked for the same
-- fingerprint sees a random number. Who holds one is under need to know.

CREATE TABLE known_epoch (
    epoch_id text PRIMARY KEY,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    opened_at timestamptz NOT NULL,
    answers_until timestamptz,          -- set when the next one opens
    closed_at timestamptz,              -- its key and its entries are gone
    entries bigint NOT NULL DEFAULT 0,  -- when they were last counted; there are never fewer
    readers text[] NOT NULL,
    compartment text NOT NULL
);
CALL protect('known_epoch');

-- What the table of an epoch says. Only the functions below read and write it: a row has no reader
-- of its own, and the order in which rows came would tell what belongs together.
CREATE TABLE known_entry (
    epoch_id text NOT NULL REFERENCES known_epoch,
    tag bytea NOT NULL CHECK (length(tag) = 8),
    label bytea NOT NULL CHECK (length(label) = 2),
    serial bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (epoch_id, tag) INCLUDE (label)
);
ALTER TABLE known_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE known_entry FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON known_entry TO CURRENT_USER USING (true);
CREATE INDEX ON known_entry (epoch_id, serial);

CREATE TABLE known_holding (
    holding_id text PRIMARY KEY,
    epoch_id text NOT NULL REFERENCES known_epoch,
    ticket bytea NOT NULL CHECK (length(ticket) = 32),
    party_id text NOT NULL REFERENCES party,
    subject text NOT NULL,              -- the report, or the commitment
    held_at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (epoch_id, subject, ticket)
);
CALL protect('known_holding');
CREATE INDEX ON known_holding (epoch_id, ticket);
CREATE INDEX ON known_holding (party_id, epoch_id);

-- How many fingerprints a party has had evaluated, by day and epoch.
CREATE TABLE known_quota (
    party_id text NOT NULL REFERENCES party,
    epoch_id text NOT NULL REFERENCES known_epoch,
    day date NOT NULL,
    asked integer NOT NULL,
    noted integer NOT NULL DEFAULT 0,   -- of these, how many are in the ledger
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (party_id, epoch_id, day)
);
CALL protect('known_quota');
CREATE INDEX ON known_quota (epoch_id) WHERE noted < asked;

-- What a party lets others learn of what it holds; the policy's word where it has said nothing.
CREATE TABLE known_preference (
    party_id text PRIMARY KEY REFERENCES party,
    answers boolean NOT NULL,
    tells_since boolean NOT NULL,
    said_at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('known_preference');

-- The keys that answer now, the newest first, and how far their tables are.
CREATE FUNCTION known_epochs(at timestamptz)
RETURNS TABLE (epoch_id text, public_key bytea, opened_at timestamptz, answers_until timestamptz,
               entries bigint, version bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT e.epoch_id, e.public_key, e.opened_at, e.answers_until,
           e.entries,
           (SELECT coalesce(max(serial), 0) FROM known_entry k WHERE k.epoch_id = e.epoch_id)
      FROM known_epoch e
     WHERE e.closed_at IS NULL AND coalesce(e.answers_until, 'infinity') > at
     ORDER BY e.answers_until DESC NULLS FIRST
$$;

-- Tags and labels from each of the first tags to before the one beside it, in their order, as one
-- string of bytes each; null for beyond the last tag.
CREATE FUNCTION known_buckets(wanted text, lows bytea[], highs bytea[])
RETURNS TABLE (place bigint, entries bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT b.place, (
        SELECT coalesce(string_agg(tag || label, ''::bytea ORDER BY tag), ''::bytea)
          FROM known_entry
         WHERE epoch_id = wanted AND tag >= b.low AND tag < coalesce(b.high, '\xffffffffffffffffff'))
      FROM unnest(lows, highs) WITH ORDINALITY AS b (low, high, place)
$$;

-- As above, what came between two versions of the table.
CREATE FUNCTION known_since(wanted text, earlier bigint, later bigint) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT coalesce(string_agg(tag || label, ''::bytea ORDER BY tag), ''::bytea)
      FROM known_entry
     WHERE epoch_id = wanted AND serial > earlier AND serial <= later
$$;

-- Adds entries; one that is there keeps its label.
CREATE FUNCTION known_enter(wanted text, tags bytea[], labels bytea[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    INSERT INTO known_entry (epoch_id, tag, label)
    SELECT wanted, tag, label FROM unnest(tags, labels) AS t (tag, label) ORDER BY tag
    ON CONFLICT (epoch_id, tag) DO NOTHING
$$;

-- Counts the entries of an epoch.
CREATE FUNCTION known_count(wanted text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    UPDATE known_epoch SET entries = (SELECT count(*) FROM known_entry WHERE epoch_id = wanted)
     WHERE epoch_id = wanted
$$;

-- Forgets what an epoch knew.
CREATE FUNCTION known_forget(wanted text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    DELETE FROM known_entry WHERE epoch_id = wanted
$$;

-- Counts what a party asks, if it is within its quotas; says whether it was.
CREATE FUNCTION known_spend(wanted_party text, wanted_epoch text, on_day date, many integer,
                            most_a_day integer, most_an_epoch integer, wanted_compartment text,
                            watchers text[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
DECLARE
    today integer;
    in_all integer;
BEGIN
    -- A crash may forget what was asked in its last instant; waiting for the disk would cost every
    -- question more than all the rest.
    PERFORM set_config('synchronous_commit', 'off', true);
    -- The row of the day is locked first, so that two requests at once cannot both fit.
    INSERT INTO known_quota (party_id, epoch_id, day, asked, compartment, readers)
    VALUES (wanted_party, wanted_epoch, on_day, 0, wanted_compartment, wanted_party || watchers)
    ON CONFLICT (party_id, epoch_id, day) DO UPDATE SET asked = known_quota.asked
    RETURNING asked INTO today;
    SELECT coalesce(sum(asked), 0) INTO in_all FROM known_quota
     WHERE party_id = wanted_party AND epoch_id = wanted_epoch;
    IF today + many > most_a_day OR in_all + many > most_an_epoch THEN
        RETURN false;
    END IF;
    UPDATE known_quota SET asked = asked + many
     WHERE party_id = wanted_party AND epoch_id = wanted_epoch AND day = on_day;
    RETURN true;
END $$;

-- What a party has said, for entering what came in from it.
CREATE FUNCTION known_preference_of(wanted text)
RETURNS TABLE (answers boolean, tells_since boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT answers, tells_since FROM known_preference WHERE party_id = wanted
$$;

REVOKE EXECUTE ON FUNCTION known_epochs, known_buckets, known_since, known_enter, known_count,
    known_forget, known_spend, known_preference_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION known_epochs, known_buckets, known_since, known_enter, known_count,
    known_forget, known_spend, known_preference_of TO clearhouse_desk;
