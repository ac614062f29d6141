-- Keys that seal nothing any more: a process that still holds one is refused, and takes nothing in
-- that could never be opened again.
CREATE TABLE retired_key (
    kek_id text PRIMARY KEY,
    retired_at timestamptz NOT NULL
);
GRANT SELECT ON retired_key TO clearhouse_desk;

CREATE FUNCTION refuse_retired_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    IF NEW.wrapped IS NOT NULL AND EXISTS (SELECT FROM retired_key WHERE kek_id = NEW.kek_id) THEN
        RAISE EXCEPTION 'this key was retired; start the process anew'
              USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER no_retired_key BEFORE INSERT OR UPDATE OF kek_id, wrapped ON data_key
    FOR EACH ROW EXECUTE FUNCTION refuse_retired_key();

-- Whether something is sealed to a key that is none of these.
CREATE FUNCTION foreign_keys(own text[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    -- One step of the index for each key there is, however many compartments there are.
    WITH RECURSIVE used (kek_id) AS (
        SELECT min(kek_id) FROM data_key
        UNION ALL
        SELECT (SELECT min(kek_id) FROM data_key d WHERE d.kek_id > used.kek_id)
          FROM used WHERE used.kek_id IS NOT NULL
    )
    SELECT EXISTS (SELECT FROM used WHERE kek_id IS NOT NULL AND kek_id <> ALL (own))
$$;
DROP FUNCTION foreign_keys(text);
REVOKE EXECUTE ON FUNCTION foreign_keys(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION foreign_keys(text[]) TO clearhouse_desk;
REVOKE EXECUTE ON FUNCTION refuse_retired_key FROM PUBLIC;
