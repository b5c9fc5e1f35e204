-- Why: which versions ran, which were rolled back and to what can be told, an operation names the
-- rollback that followed it, and how long an application has had its status is known.

ALTER TABLE application_versions
    -- When a job of it first ran.
    ADD COLUMN ran_at           timestamptz,
    -- For a version that a rollback made: the version that was rolled back, and the version whose
    -- configuration it has.
    ADD COLUMN rolled_back_from bigint,
    ADD COLUMN rolled_back_to   bigint,
    -- When it was rolled back itself.
    ADD COLUMN rolled_back_at   timestamptz;

UPDATE application_versions v
   SET ran_at = r.first
  FROM (SELECT application_id, version, min(created_at) AS first
          FROM runs
         WHERE reached_running
         GROUP BY application_id, version) r
 WHERE r.application_id = v.application_id AND r.version = v.version;

-- The automatic rollback that a failure led to.
ALTER TABLE operations ADD COLUMN rollback_operation text;

ALTER TABLE applications ADD COLUMN status_since timestamptz NOT NULL DEFAULT now();
