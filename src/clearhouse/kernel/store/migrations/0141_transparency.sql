-- Transparency notices: that a report was made, to whom and about what; public by an act of a person.

CREATE TABLE transparency_notice (
    notice_id text PRIMARY KEY,
    case_id text NOT NULL UNIQUE REFERENCES coordination_case,
    at timestamptz NOT NULL,
    body jsonb NOT NULL,            -- vendors, product, days; nothing else of the case
    compartment text,
    readers text[] NOT NULL
);
CALL protect('transparency_notice');

-- What anybody may read. Which case it is stays here; its advisory is named once that is public.
CREATE FUNCTION notices()
RETURNS TABLE (notice_id text, at timestamptz, body jsonb, advisory_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT n.notice_id, n.at, n.body,
           (SELECT p.advisory_id FROM publication p JOIN advisory a USING (advisory_id)
             WHERE p.case_id = n.case_id AND a.written_at IS NOT NULL LIMIT 1)
      FROM transparency_notice n
$$;
REVOKE EXECUTE ON FUNCTION notices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices TO clearhouse_counter;
