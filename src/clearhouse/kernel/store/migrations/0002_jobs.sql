-- The job library's tables, in the public schema where its own queries expect them.
SET LOCAL search_path = public;

-- include: procrastinate schema

-- Announcing each new job takes a lock that every committing transaction must wait for, one
-- fsync after the other. Workers poll instead; many reports can then commit together.
ALTER TABLE procrastinate_jobs DISABLE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1;

GRANT USAGE ON SCHEMA public TO clearhouse_desk, clearhouse_counter;
GRANT ALL ON ALL TABLES IN SCHEMA public TO clearhouse_desk;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clearhouse_desk;

-- The counter may ask for work and see nothing of it.
GRANT INSERT ON procrastinate_jobs, procrastinate_events TO clearhouse_counter;
GRANT SELECT (id) ON procrastinate_jobs TO clearhouse_counter;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clearhouse_counter;

SET LOCAL search_path = clearhouse;
