-- Further ways in to the desk: accounts at identity providers, and passkeys.

-- How a session was opened: `token`, `link`, `passkey`, or `account NAME`.
ALTER TABLE session ADD COLUMN way text NOT NULL DEFAULT 'link';
UPDATE session SET way = 'token' WHERE token_id IS NOT NULL;

-- Which account at which identity provider is which of our actors. The account gives no rights.
CREATE TABLE account (
    account_id text PRIMARY KEY,
    issuer text NOT NULL,
    subject text NOT NULL,
    actor_id text NOT NULL REFERENCES actor,
    linked_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE UNIQUE INDEX ON account (issuer, subject) WHERE ended_at IS NULL;

CREATE TABLE passkey (
    passkey_id text PRIMARY KEY,
    credential_id bytea NOT NULL UNIQUE,
    actor_id text NOT NULL REFERENCES actor,
    label text NOT NULL,
    credential bytea NOT NULL,      -- public key, with the kind of authenticator
    used integer NOT NULL,          -- the authenticator's own count, 0 where it keeps none
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    ended_at timestamptz
);
CREATE INDEX ON passkey (actor_id);

-- One attempt to come in, or to add a way in, by one browser. Secrets are kept as hashes.
CREATE TABLE sign_in_attempt (
    hash bytea PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('enter', 'add')),
    actor_id text REFERENCES actor, -- whose way in is added
    session_id text REFERENCES session,
    details jsonb NOT NULL,         -- nothing that opens anything
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX ON sign_in_attempt (expires_at);

GRANT SELECT, INSERT, UPDATE ON account, passkey, sign_in_attempt TO clearhouse_desk;
GRANT DELETE ON sign_in_attempt TO clearhouse_desk;
