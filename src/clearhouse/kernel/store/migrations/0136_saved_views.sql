-- Views of the queue that a person has given a name. They are that person's own: nobody else sees
-- them, and they act on nothing.

CREATE TABLE saved_view (
    view_id text PRIMARY KEY,
    actor_id text NOT NULL REFERENCES actor,
    name text NOT NULL,
    wanted jsonb NOT NULL,          -- the filter: axis and value
    created_at timestamptz NOT NULL,
    UNIQUE (actor_id, name)
);
ALTER TABLE saved_view ENABLE ROW LEVEL SECURITY;
ALTER TABLE saved_view FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON saved_view TO CURRENT_USER USING (true);
CREATE POLICY own ON saved_view TO clearhouse_desk USING (actor_id = ANY ((SELECT principals())::text[]));
GRANT SELECT, INSERT, UPDATE, DELETE ON saved_view TO clearhouse_desk;
