-- What a list of readers may not be: part of an entry in a b-tree, which holds 2,704 bytes. A case
-- with more than seventy people read in could write no event.
DROP INDEX ledger_event_kind_at_event_id_readers_idx,
    ledger_event_actor_id_at_event_id_readers_idx,
    ledger_event_beyond_analysts;
CREATE INDEX ON ledger_event (kind, at DESC, event_id DESC);
CREATE INDEX ON ledger_event (actor_id, at DESC, event_id DESC);
CREATE INDEX ledger_event_beyond_analysts ON ledger_event (at DESC, event_id DESC)
    WHERE NOT 'role:intake_analyst' = ANY (readers);

-- The cases in the order of their list.
CREATE INDEX ON coordination_case ((published_at IS NOT NULL), embargo_instant NULLS FIRST, case_id)
    WHERE merged_into IS NULL;

-- Whoever may not read an edge is told so before both of its reports are looked up. `need_to_know`
-- says the same, but is asked after this; who sees what stays as it was.
ALTER POLICY both_sides ON match_edge
    USING (readers && (SELECT principals())
           AND EXISTS (SELECT FROM report WHERE report_id = left_report)
           AND EXISTS (SELECT FROM report WHERE report_id = right_report));
