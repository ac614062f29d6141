-- The likeliest pair that waits for a person is one step into an index.

CREATE INDEX match_edge_waiting ON match_edge ((-coalesce(score, 0)), edge_id)
    WHERE relation = 'suggested' AND state = 'active';
CREATE INDEX match_edge_waiting_beyond_analysts ON match_edge ((-coalesce(score, 0)), edge_id)
    WHERE relation = 'suggested' AND state = 'active'
      AND NOT readers <@ ARRAY['role:clearing', 'role:intake_analyst'];
