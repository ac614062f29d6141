-- Who writes an edge must read both reports, and need not be among the readers of the edge itself:
-- what is asked before reading is not asked of a row that is written.
ALTER POLICY both_sides ON match_edge
    WITH CHECK (EXISTS (SELECT FROM report WHERE report_id = left_report)
                AND EXISTS (SELECT FROM report WHERE report_id = right_report));
