-- Mail in and encrypted mail out. A thread has an address for each party that nobody can guess; only
-- its hash is kept. What comes in is kept sealed as it came, once, whatever becomes of it.
CREATE TABLE mail_address (
    address_hash bytea PRIMARY KEY,
    thread_id text NOT NULL REFERENCES case_thread,
    party_id text NOT NULL REFERENCES party,
    made_at timestamptz NOT NULL,
    compartment text,
    readers text[] NOT NULL
);
CALL protect('mail_address');
CREATE INDEX ON mail_address (thread_id);

CREATE TABLE mail_received (
    mail_hash bytea PRIMARY KEY,           -- keyed, so that it confirms no guess
    mail_id text NOT NULL UNIQUE,
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('posted', 'automatic', 'unmatched', 'other-sender',
                                             'not-a-party', 'unreadable', 'too-many')),
    thread_id text REFERENCES case_thread,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('mail_received');
CREATE INDEX ON mail_received (thread_id, at);

ALTER TABLE notice ADD COLUMN thread_id text REFERENCES case_thread,
                   ADD COLUMN message_id text REFERENCES case_message;
ALTER TABLE party_channel ADD COLUMN openpgp text; -- a certificate: public by its nature
-- A copy that went out by encrypted mail is the party's, not one person's.
ALTER TABLE case_copy DROP CONSTRAINT case_copy_actor_id_fkey;
