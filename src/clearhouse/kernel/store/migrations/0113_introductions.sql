-- Introductions: two parties that hold one flaw are offered to each other, and each field of what
-- they know is shown when both have laid it down.
--
-- Each side is a row of its own, which the other side does not read.

CREATE TABLE introduction_side (
    introduction_id text NOT NULL,
    side text NOT NULL CHECK (side IN ('seeker', 'holder')),
    party_id text NOT NULL REFERENCES party,
    pair_mark bytea NOT NULL,           -- keyed hash of ticket and both parties: once each
    state text NOT NULL CHECK (state IN ('offered', 'declined')),
    offered_at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (introduction_id, side),
    UNIQUE (pair_mark, side)
);
CALL protect('introduction_side');
CREATE INDEX ON introduction_side (party_id, offered_at);

CREATE TABLE introduction_field (
    introduction_id text NOT NULL,
    side text NOT NULL CHECK (side IN ('seeker', 'holder')),
    field text NOT NULL CHECK (field IN ('party', 'contact', 'package', 'place', 'weakness',
                                         'dates', 'proof', 'patch', 'plan')),
    content_payload text NOT NULL REFERENCES payload,
    laid_at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (introduction_id, side, field)
);
CALL protect('introduction_field');

-- Which parties hold what a ticket stands for.
CREATE FUNCTION known_holders(wanted bytea) RETURNS TABLE (party_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT DISTINCT h.party_id FROM known_holding h JOIN known_epoch e USING (epoch_id)
     WHERE h.ticket = wanted AND e.closed_at IS NULL ORDER BY 1
$$;

-- Opens the two sides of an introduction, or returns the one that was opened for this pair.
CREATE FUNCTION introduce(wanted text, mark bytea, seeker text, holder text, at timestamptz,
                          house text[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
DECLARE
    known text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(mark, 'hex'), 0));
    SELECT introduction_id INTO known FROM introduction_side WHERE pair_mark = mark LIMIT 1;
    IF known IS NULL THEN
        INSERT INTO introduction_side VALUES
            (wanted, 'seeker', seeker, mark, 'offered', at, wanted || '_seeker', house || seeker),
            (wanted, 'holder', holder, mark, 'offered', at, wanted || '_holder', house || holder);
        known := wanted;
    END IF;
    RETURN known;
END $$;

-- Shows a field to both sides once both have laid it down and neither has declined; says whether.
CREATE FUNCTION show_field(wanted text, wanted_field text, house text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
DECLARE
    parties text[];
    part record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('show ' || wanted, 0));
    SELECT array_agg(party_id ORDER BY party_id) INTO parties FROM introduction_side
     WHERE introduction_id = wanted AND state = 'offered';
    IF NOT principals() && parties OR cardinality(parties) <> 2 OR 2 <> (
        SELECT count(*) FROM introduction_field
         WHERE introduction_id = wanted AND field = wanted_field) THEN
        RETURN false;
    END IF;
    FOR part IN SELECT compartment FROM introduction_field
                 WHERE introduction_id = wanted AND field = wanted_field LOOP
        PERFORM limit_readers(part.compartment, house || parties);
    END LOOP;
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION known_holders, introduce, show_field FROM PUBLIC;
GRANT EXECUTE ON FUNCTION known_holders, introduce, show_field TO clearhouse_desk;
