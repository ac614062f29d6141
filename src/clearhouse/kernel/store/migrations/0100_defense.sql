-- Defense: result cards that organisations handed in, whose keys sign them, and what was pooled.
--
-- A whole card is read by its organisation alone. A shared one holds only sums; the pooling desk
-- reads it too. What a card says stands in its sealed payload.

-- Keys that speak for an organisation.
CREATE TABLE defense_key (
    key_id text PRIMARY KEY,
    public_key bytea NOT NULL,
    party_id text NOT NULL REFERENCES party,
    added_at timestamptz NOT NULL,
    ended_at timestamptz,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('defense_key');

CREATE TABLE defense_card (
    card_id text PRIMARY KEY,
    party_id text NOT NULL REFERENCES party,
    actor_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('whole', 'shared')),
    sha256 text NOT NULL,           -- of what was signed
    key_id text NOT NULL,
    pack_sha256 text NOT NULL,
    handed_in_at timestamptz NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    UNIQUE (party_id, sha256)
);
CALL protect('defense_card');
CREATE INDEX ON defense_card (handed_in_at, card_id);

-- Tools over networks, released to every operator; no organisation is named in it.
CREATE TABLE defense_pool (
    pool_id text PRIMARY KEY,
    released_at timestamptz NOT NULL,
    released_by text NOT NULL,
    networks integer NOT NULL CHECK (networks > 0),
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('defense_pool');
CREATE INDEX ON defense_pool (released_at, pool_id);
