-- Tells whoever keeps a copy of what the index holds whether anything was taken out of it since.

CREATE TABLE match_index_removal (
    removal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);
ALTER TABLE match_index_removal ENABLE ROW LEVEL SECURITY;
ALTER TABLE match_index_removal FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON match_index_removal TO CURRENT_USER USING (true);
CREATE POLICY machinery ON match_index_removal TO clearhouse_desk
    USING ((SELECT 'role:clearing' = ANY (principals())));
GRANT SELECT ON match_index_removal TO clearhouse_desk;

-- One at a time, so that a later number is never seen before an earlier one.
CREATE FUNCTION number_removal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(x'6d69647800'::bigint);
    INSERT INTO match_index_removal DEFAULT VALUES;
    RETURN NULL;
END $$;
CREATE TRIGGER numbered AFTER UPDATE OR DELETE OR TRUNCATE ON match_index_report
    FOR EACH STATEMENT EXECUTE FUNCTION number_removal();
REVOKE EXECUTE ON FUNCTION number_removal FROM PUBLIC;
