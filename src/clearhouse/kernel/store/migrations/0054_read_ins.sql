-- Who must not read although a group of theirs may: `!` and an actor's id among the readers of a
-- row, as when somebody on duty declares a conflict of interest. The bar is stronger than any name.
CREATE FUNCTION barred() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY['!' || nullif(current_setting('clearhouse.actor', true), '')]
$$;

DO $$
DECLARE
    target regclass;
BEGIN
    FOR target IN SELECT polrelid::regclass FROM pg_policy WHERE polname = 'need_to_know' LOOP
        EXECUTE format('ALTER POLICY need_to_know ON %s '
                       'USING (readers && (SELECT principals()) AND NOT readers && (SELECT barred()))',
                       target);
    END LOOP;
END $$;

CREATE OR REPLACE PROCEDURE protect(target regclass)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    -- Functions declared SECURITY DEFINER run as the owner; nobody else does.
    EXECUTE format('CREATE POLICY definer ON %s TO CURRENT_USER USING (true)', target);
    EXECUTE format('CREATE POLICY need_to_know ON %s TO clearhouse_desk '
                   'USING (readers && (SELECT principals()) AND NOT readers && (SELECT barred())) '
                   'WITH CHECK (cardinality(readers) > 0)', target);
    IF NOT EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid
                                                         AND attnum = indkey[0]
                    WHERE indrelid = target AND attname = 'compartment') THEN
        EXECUTE format('CREATE INDEX ON %s (compartment)', target);
    END IF;
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO clearhouse_desk', target);
END $$;

CREATE OR REPLACE FUNCTION set_readers(target text, now_readers text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
DECLARE
    protected regclass;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM data_key
                    WHERE compartment = target AND readers && principals()
                      AND NOT readers && barred()) THEN
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
GRANT EXECUTE ON FUNCTION barred TO clearhouse_desk, clearhouse_counter;
