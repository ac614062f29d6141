-- People at the desk: sessions of browsers, and links that open one session once.

-- A session stands on the token it was opened with, or on a sign-in link. It ends with its
-- token, with its actor, by signing out, or by time, whichever comes first.
CREATE TABLE session (
    session_id text PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    actor_id text NOT NULL REFERENCES actor,
    token_id text REFERENCES token,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX ON session (actor_id);

CREATE TABLE sign_in_link (
    hash bytea PRIMARY KEY,
    actor_id text NOT NULL REFERENCES actor,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

GRANT SELECT, INSERT, UPDATE ON session, sign_in_link TO clearhouse_desk;

-- The ledger page lists the newest events first.
CREATE INDEX ON ledger_event (at DESC, event_id DESC);
