-- How far somebody is on the tour of the desk: begun, been to a step, or put away. It is of use to
-- that person alone, and the store shows it to nobody else.

CREATE TABLE tour_mark (
    actor_id text NOT NULL REFERENCES actor,
    mark text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (actor_id, mark)
);
ALTER TABLE tour_mark ENABLE ROW LEVEL SECURITY;
ALTER TABLE tour_mark FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tour_mark TO clearhouse_desk
    USING (actor_id = ANY ((SELECT principals())::text[]));
GRANT SELECT, INSERT, DELETE ON tour_mark TO clearhouse_desk;
