-- Evaluation tasks made from closed cases, held back until they are used.
--
-- Which case a task came from and what it asks stands only in the sealed payload.

CREATE TABLE private_task (
    task_id text PRIMARY KEY,
    mark bytea NOT NULL,            -- keyed hash of the bundle
    made_at timestamptz NOT NULL,
    used_at timestamptz,            -- null while it is held
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('private_task');
CREATE INDEX ON private_task (mark);
CREATE INDEX ON private_task (made_at, task_id);
