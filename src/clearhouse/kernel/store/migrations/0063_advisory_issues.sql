-- What each issue of an advisory is about, and whether it withdraws the advisory. Public like the
-- documents, which say the same: history and withdrawal have to reach every later issue.
ALTER TABLE advisory
    ADD COLUMN summary text NOT NULL DEFAULT 'First issue',
    ADD COLUMN withdrawal jsonb;
