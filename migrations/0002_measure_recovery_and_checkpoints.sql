-- Why: how long an application was down, whether it is in a crash loop, what its checkpoints cost
-- and how old the last good one is can be told, and what crashes leave in the object store is found.

ALTER TABLE runs
    -- When the worker that has it last renewed its lease.
    ADD COLUMN renewed_at             timestamptz,
    -- Times it came to run again after it had run before.
    ADD COLUMN full_restarts          bigint  NOT NULL DEFAULT 0,
    -- Since when it is down although it ran before.
    ADD COLUMN down_since             timestamptz,
    -- Sum of all times it was down, the present one not included.
    ADD COLUMN downtime_ms            bigint  NOT NULL DEFAULT 0,
    -- How long it was down the last time.
    ADD COLUMN last_recovery_ms       bigint,
    -- What the program SET about restarts.
    ADD COLUMN restart_strategy       jsonb,
    -- Time between two checkpoints; NULL = none are taken by themselves.
    ADD COLUMN checkpoint_interval_ms bigint,
    ADD COLUMN last_checkpoint_at     timestamptz,
    ADD COLUMN checkpoint_overdue     boolean NOT NULL DEFAULT false,
    ADD COLUMN failed_checkpoints     bigint  NOT NULL DEFAULT 0;

-- What each operator contributed, by operator id.
ALTER TABLE checkpoints ADD COLUMN operators jsonb NOT NULL DEFAULT '{}';

-- When it was last looked for checkpoint folders that nothing knows, and up to which attempt.
ALTER TABLE applications
    ADD COLUMN swept_at      timestamptz,
    ADD COLUMN swept_attempt bigint NOT NULL DEFAULT 0;
