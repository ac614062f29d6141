-- When time itself next changes a case: its embargo ends, or somebody's read-in does. The sweep
-- looks at this alone and opens nothing that is not due.
ALTER TABLE coordination_case ADD COLUMN next_clock timestamptz;
CREATE INDEX ON coordination_case (next_clock) WHERE next_clock IS NOT NULL AND merged_into IS NULL;
