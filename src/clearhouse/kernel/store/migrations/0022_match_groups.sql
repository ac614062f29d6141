-- Which group of earlier reports a report is taken to belong to until somebody decides. Nothing is
-- merged by it.

ALTER TABLE match_index_report ADD COLUMN joined bigint;  -- serial of the report that began it
ALTER TABLE match_edge ADD COLUMN companion boolean NOT NULL DEFAULT false
    CHECK (NOT companion OR relation = 'suggested');
CREATE INDEX match_edge_companion_left ON match_edge (left_report) WHERE companion;
CREATE INDEX match_edge_companion_right ON match_edge (right_report) WHERE companion;
