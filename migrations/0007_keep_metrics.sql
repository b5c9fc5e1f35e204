-- Why: what applications did within the last days can be told, and parallelism can follow it.

-- One row for each period (a minute) of an application that is started.
CREATE TABLE metric_points (
    application_id uuid        NOT NULL
        CONSTRAINT metric_points_application_fkey REFERENCES applications ON DELETE CASCADE,
    -- The end of the period.
    at             timestamptz NOT NULL,
    -- Name → value of the application; of tasks, operators and subtasks as its MetricsLevel says.
    points         jsonb       NOT NULL,
    CONSTRAINT metric_points_pkey PRIMARY KEY (application_id, at)
);
CREATE INDEX metric_points_by_time ON metric_points (at);
