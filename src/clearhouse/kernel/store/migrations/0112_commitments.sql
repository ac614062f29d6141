-- Commitments: a party says that it holds something, without saying what, and may open that later.

CREATE TABLE commitment (
    commitment_id text PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    actor_id text NOT NULL REFERENCES actor,
    digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    made_at timestamptz NOT NULL,
    event_id text NOT NULL,
    revealed_at timestamptz,
    marks bytea[] NOT NULL DEFAULT '{}', -- keyed hashes of the fingerprints that it opened to
    content_payload text REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('commitment');
CREATE INDEX ON commitment (party_id, made_at);
CREATE INDEX ON commitment USING gin (marks);
