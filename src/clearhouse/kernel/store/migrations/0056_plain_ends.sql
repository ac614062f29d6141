-- Ten thousand embargoes may end in one instant. Where an end opens the case to nobody new, the sweep
-- writes it down without opening what is sealed: the state is the sealed case, and that its embargo
-- ended. What must be opened, because its readers change, is opened as before.
ALTER TABLE coordination_case
    ADD COLUMN plain_end boolean NOT NULL DEFAULT false, -- the next clock is such an end
    ADD COLUMN clock_after timestamptz,                  -- the next clock once that has come
    ADD COLUMN ended_at timestamptz;                     -- ended since the content was sealed
