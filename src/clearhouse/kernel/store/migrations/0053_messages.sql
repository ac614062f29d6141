-- Words within a case: threads with everybody who is read in, or with one party and the house, and
-- the notices by which those outside hear that there is something to read.

CREATE TABLE case_thread (
    thread_id text PRIMARY KEY,
    case_id text NOT NULL REFERENCES coordination_case,
    party_id text REFERENCES party,     -- null: with everybody who is read in
    opened_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('case_thread');
CREATE UNIQUE INDEX ON case_thread (case_id, coalesce(party_id, ''));

CREATE TABLE case_message (
    message_id text PRIMARY KEY,
    thread_id text NOT NULL REFERENCES case_thread,
    at timestamptz NOT NULL,
    actor_id text NOT NULL,
    party_id text NOT NULL,
    tlp text NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('case_message');
CREATE INDEX ON case_message (thread_id, at);

-- What goes out says nothing but that there is something. A notice waits until it is due, and again
-- after each failure; it is never given up.
CREATE TABLE notice (
    notice_id text PRIMARY KEY,
    case_id text NOT NULL REFERENCES coordination_case,
    party_id text NOT NULL REFERENCES party,
    kind text NOT NULL CHECK (kind IN ('case', 'message')),
    made_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    held_because text,                  -- the rule that holds it back until then
    attempts integer NOT NULL DEFAULT 0,
    failure text,                       -- what kind of failure, never the words of the other side
    sent_at timestamptz,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('notice');
CREATE INDEX ON notice (due_at) WHERE sent_at IS NULL;
CREATE INDEX ON notice (party_id, kind, sent_at);

-- Where a party wants to be told by a signed request instead of by mail, and whether it wants fewer
-- new cases, or none for now. Said by the party itself or written down for it.
CREATE TABLE party_channel (
    party_id text PRIMARY KEY REFERENCES party,
    webhook text,
    cases_per_week integer CHECK (cases_per_week BETWEEN 0 AND 1000),
    paused_until timestamptz
);
GRANT SELECT, INSERT, UPDATE ON party_channel TO clearhouse_desk;
