-- What people who are not of the house may read of a case, part by part. Each part is sealed in a
-- compartment of its own, whose readers are those whose tier sees that part: the store itself gives a
-- registry the files to stage and not the proof.
CREATE TABLE case_part (
    part_id text PRIMARY KEY,
    case_id text NOT NULL REFERENCES coordination_case,
    share text NOT NULL CHECK (share IN ('summary', 'details', 'proof', 'patch', 'artifact')),
    at timestamptz NOT NULL,
    actor_id text NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('case_part');
CREATE INDEX ON case_part (case_id, share, at);
