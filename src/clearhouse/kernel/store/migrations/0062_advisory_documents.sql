-- The documents of each issue of an advisory, one row for each form that it is written in.
CREATE TABLE advisory_document (
    advisory_id text NOT NULL,
    revision integer NOT NULL,
    form text NOT NULL,             -- osv, csaf, openvex …
    body bytea NOT NULL,
    PRIMARY KEY (advisory_id, revision, form),
    FOREIGN KEY (advisory_id, revision) REFERENCES advisory
);
ALTER TABLE advisory_document ENABLE ROW LEVEL SECURITY;
ALTER TABLE advisory_document FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON advisory_document TO CURRENT_USER USING (true);
-- Who sees an issue sees its documents; before it is written, only the machinery that writes it.
CREATE POLICY written ON advisory_document FOR SELECT TO clearhouse_desk, clearhouse_counter
    USING (EXISTS (SELECT FROM advisory WHERE advisory.advisory_id = advisory_document.advisory_id
        AND advisory.revision = advisory_document.revision));
CREATE POLICY decide ON advisory_document FOR INSERT TO clearhouse_desk
    WITH CHECK (cardinality((SELECT principals())) > 0);
GRANT SELECT, INSERT ON advisory_document TO clearhouse_desk;
GRANT SELECT ON advisory_document TO clearhouse_counter;

INSERT INTO advisory_document SELECT advisory_id, revision, 'osv', osv FROM advisory;
INSERT INTO advisory_document SELECT advisory_id, revision, 'csaf', csaf FROM advisory;
ALTER TABLE advisory DROP COLUMN osv, DROP COLUMN csaf;
