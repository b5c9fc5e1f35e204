-- Why: the service changes the parallelism of a run by itself, tells why a run waits for room, and
-- counts what runs take.

ALTER TABLE runs
    -- The change of parallelism that made this run, or that is about to end it.
    ADD COLUMN scaling         jsonb,
    -- What the scaler thought of it last.
    ADD COLUMN scaler          jsonb,
    -- Checkpoint of an earlier run that it goes on from until it has one of its own.
    ADD COLUMN base_checkpoint bigint,
    -- Whether it was told already that no worker has room for it.
    ADD COLUMN shortage_noted  boolean NOT NULL DEFAULT false,
    -- Up to when what it takes is counted, while a worker has it.
    ADD COLUMN metered_until   timestamptz;
UPDATE runs SET metered_until = now() WHERE ended_at IS NULL AND claimed_by IS NOT NULL;

-- KPU-seconds by application and day (UTC). No foreign key: what was used stays known when the
-- application is gone.
CREATE TABLE usage (
    application_id uuid    NOT NULL,
    day            date    NOT NULL,
    name           text    NOT NULL,
    kpu_seconds    numeric NOT NULL,
    CONSTRAINT usage_pkey PRIMARY KEY (day, application_id)
);
