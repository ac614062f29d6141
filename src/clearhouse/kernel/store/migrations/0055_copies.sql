-- What was given out to whom, once each, and the mark that their copy carries. The house and the
-- one who was given it may read the row; no other recipient learns who else has a copy.
CREATE TABLE case_copy (
    what text NOT NULL,                     -- a case, a message, or a part of a case
    actor_id text NOT NULL REFERENCES actor,
    party_id text NOT NULL REFERENCES party,
    case_id text NOT NULL REFERENCES coordination_case,
    given_at timestamptz NOT NULL,
    mark bytea NOT NULL,
    compartment text,
    readers text[] NOT NULL,
    PRIMARY KEY (what, actor_id)
);
CALL protect('case_copy');
CREATE INDEX ON case_copy (mark);
CREATE INDEX ON case_copy (case_id);
