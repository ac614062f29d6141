-- Cases: who has a part in a flaw, and until when it is kept back.
--
-- What a case says is sealed; in the clear are its times, states and numbers, so that the sweep
-- for due embargoes opens nothing.

CREATE TABLE coordination_case (
    case_id text PRIMARY KEY,
    opened_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    revision integer NOT NULL,
    embargo_state text NOT NULL CHECK (embargo_state IN ('none', 'proposed', 'active', 'revise',
                                                         'exited')),
    embargo_instant timestamptz,           -- null: there can be no embargo
    embargo_rule text NOT NULL,
    policy text NOT NULL,
    published_at timestamptz,
    merged_into text REFERENCES coordination_case,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('coordination_case');
CREATE INDEX ON coordination_case (embargo_instant)
    WHERE published_at IS NULL AND merged_into IS NULL;

-- Every earlier state of a case, and who changed it.
CREATE TABLE case_revision (
    case_id text NOT NULL REFERENCES coordination_case,
    revision integer NOT NULL,
    at timestamptz NOT NULL,
    actor_id text NOT NULL,
    what text NOT NULL,
    content_payload text NOT NULL REFERENCES payload,
    compartment text NOT NULL,
    readers text[] NOT NULL,
    PRIMARY KEY (case_id, revision)
);
CALL protect('case_revision');

CREATE TABLE case_report (
    report_id text PRIMARY KEY REFERENCES report,
    case_id text NOT NULL REFERENCES coordination_case,
    compartment text NOT NULL,
    readers text[] NOT NULL
);
CALL protect('case_report');
CREATE INDEX ON case_report (case_id);

-- Which party answers for a package, and what disclosure policy it has published. Public facts.
CREATE TABLE vendor_package (
    purl text NOT NULL,
    party_id text NOT NULL REFERENCES party,
    policy_days integer CHECK (policy_days BETWEEN 1 AND 3660),
    policy_source text,
    PRIMARY KEY (purl, party_id),
    CHECK ((policy_days IS NULL) = (policy_source IS NULL))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON vendor_package TO clearhouse_desk;

