-- A link opens and speaks for as long as its person may act, and not a moment longer.

CREATE OR REPLACE FUNCTION invitation_of(wanted bytea)
RETURNS TABLE (
    invitation_id text, party_id text, expires_at timestamptz, told_at timestamptz, sealed bytea
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT i.invitation_id, i.party_id, i.expires_at, i.told_at, i.sealed
      FROM counter_invitation i JOIN actor a USING (actor_id)
     WHERE i.hash = wanted AND i.ended_at IS NULL AND i.sealed <> '' AND a.revoked_at IS NULL
$$;

CREATE OR REPLACE FUNCTION may_state(wanted text, by bytea) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = clearhouse, pg_temp AS $$
    SELECT EXISTS (SELECT FROM counter_invitation i JOIN actor a USING (actor_id)
                    WHERE i.invitation_id = wanted AND i.hash = by AND i.ended_at IS NULL
                      AND i.sealed <> '' AND a.revoked_at IS NULL)
$$;
