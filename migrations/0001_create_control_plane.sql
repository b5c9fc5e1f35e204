-- Why: everything the control plane knows about applications, their code, runs and saved state.

CREATE TABLE applications (
    id                       uuid        NOT NULL CONSTRAINT applications_pkey PRIMARY KEY,
    name                     text        NOT NULL CONSTRAINT applications_name_key UNIQUE,
    description              text,
    mode                     text        NOT NULL,
    status                   text        NOT NULL,
    current_version          bigint      NOT NULL,
    row_version              bigint      NOT NULL DEFAULT 1,
    -- The newest attempt of any run: the fencing token rises over the whole life.
    last_attempt             bigint      NOT NULL DEFAULT 0,
    maintenance_window_start text        NOT NULL,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE artifacts (
    sha256     text        NOT NULL CONSTRAINT artifacts_pkey PRIMARY KEY,
    bytes      bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Zip files are compressed already.
ALTER TABLE artifacts ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE application_versions (
    application_id    uuid        NOT NULL
        CONSTRAINT application_versions_application_fkey REFERENCES applications ON DELETE CASCADE,
    version           bigint      NOT NULL,
    configuration     jsonb       NOT NULL,
    artifact          text
        CONSTRAINT application_versions_artifact_fkey REFERENCES artifacts,
    conditional_token text        NOT NULL,
    updated_from      bigint,
    created_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT application_versions_pkey PRIMARY KEY (application_id, version)
);

CREATE TABLE operations (
    id             text        NOT NULL CONSTRAINT operations_pkey PRIMARY KEY,
    application_id uuid        NOT NULL
        CONSTRAINT operations_application_fkey REFERENCES applications ON DELETE CASCADE,
    ordinal        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind           text        NOT NULL,
    status         text        NOT NULL,
    version_from   bigint,
    version_to     bigint,
    failure        text,
    started_at     timestamptz NOT NULL DEFAULT now(),
    ended_at       timestamptz
);
CREATE INDEX operations_by_application ON operations (application_id, ordinal);
-- One thing at a time: whatever supersedes an operation must end it first.
CREATE UNIQUE INDEX operations_one_in_progress ON operations (application_id)
    WHERE status = 'IN_PROGRESS';

CREATE TABLE runs (
    id              uuid        NOT NULL CONSTRAINT runs_pkey PRIMARY KEY,
    application_id  uuid        NOT NULL
        CONSTRAINT runs_application_fkey REFERENCES applications ON DELETE CASCADE,
    ordinal         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    version         bigint      NOT NULL,
    kpus            integer     NOT NULL,
    -- What the customer asked to start from.
    configuration   jsonb       NOT NULL,
    -- What is to become of it: RUN, SNAPSHOT_AND_STOP, COMMIT_AND_STOP, CANCEL.
    desired         text        NOT NULL,
    desired_since   timestamptz NOT NULL DEFAULT now(),
    stop_snapshot   text,
    -- The run that begins when this one has ended (an update of a running application).
    successor       jsonb,
    claimed_by      uuid,
    lease_until     timestamptz,
    attempt         bigint      NOT NULL DEFAULT 0,
    decision        jsonb,
    -- Since when all subtasks of this attempt run.
    running_since   timestamptz,
    reached_running boolean     NOT NULL DEFAULT false,
    restarts        bigint      NOT NULL DEFAULT 0,
    failures_in_row integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    failure         jsonb,
    failed_at       timestamptz,
    graph           jsonb,
    metrics         jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    CONSTRAINT runs_version_fkey FOREIGN KEY (application_id, version)
        REFERENCES application_versions (application_id, version) ON DELETE CASCADE
);
CREATE INDEX runs_by_application ON runs (application_id, ordinal);
CREATE UNIQUE INDEX runs_one_open ON runs (application_id) WHERE ended_at IS NULL;
CREATE INDEX runs_open_by_attempt_time ON runs (next_attempt_at) WHERE ended_at IS NULL;
CREATE INDEX runs_open_by_worker ON runs (claimed_by) WHERE ended_at IS NULL;

CREATE TABLE checkpoints (
    application_id uuid        NOT NULL
        CONSTRAINT checkpoints_application_fkey REFERENCES applications ON DELETE CASCADE,
    number         bigint      NOT NULL,
    run_id         uuid        NOT NULL,
    attempt        bigint      NOT NULL,
    version        bigint      NOT NULL,
    manifest       text        NOT NULL,
    state_bytes    bigint      NOT NULL,
    duration_ms    bigint      NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    -- When the sinks had made its output visible.
    committed_at   timestamptz,
    CONSTRAINT checkpoints_pkey PRIMARY KEY (application_id, number)
);

CREATE TABLE snapshots (
    application_id uuid        NOT NULL
        CONSTRAINT snapshots_application_fkey REFERENCES applications ON DELETE CASCADE,
    name           text        NOT NULL,
    ordinal        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    status         text        NOT NULL,
    version        bigint      NOT NULL,
    runtime        text        NOT NULL,
    -- The checkpoint that it is, once READY.
    checkpoint     bigint,
    manifest       text,
    state_bytes    bigint,
    failure        text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT snapshots_pkey PRIMARY KEY (application_id, name)
);
CREATE INDEX snapshots_by_application ON snapshots (application_id, ordinal);
CREATE INDEX snapshots_being_made ON snapshots (created_at) WHERE status = 'CREATING';

CREATE TABLE events (
    id             bigint      NOT NULL GENERATED ALWAYS AS IDENTITY
        CONSTRAINT events_pkey PRIMARY KEY,
    application_id uuid        NOT NULL
        CONSTRAINT events_application_fkey REFERENCES applications ON DELETE CASCADE,
    at             timestamptz NOT NULL DEFAULT now(),
    kind           text        NOT NULL,
    message        text        NOT NULL,
    version        bigint      NOT NULL,
    attempt        bigint
);
CREATE INDEX events_by_application ON events (application_id, id);

CREATE TABLE log_lines (
    application_id uuid        NOT NULL
        CONSTRAINT log_lines_application_fkey REFERENCES applications ON DELETE CASCADE,
    sequence       bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    attempt        bigint      NOT NULL,
    at             timestamptz NOT NULL,
    level          text        NOT NULL,
    logger         text        NOT NULL,
    message        text        NOT NULL,
    CONSTRAINT log_lines_pkey PRIMARY KEY (application_id, sequence)
);

CREATE TABLE tags (
    application_id uuid NOT NULL
        CONSTRAINT tags_application_fkey REFERENCES applications ON DELETE CASCADE,
    key            text NOT NULL,
    value          text NOT NULL,
    CONSTRAINT tags_pkey PRIMARY KEY (application_id, key)
);

CREATE TABLE workers (
    id             uuid        NOT NULL CONSTRAINT workers_pkey PRIMARY KEY,
    name           text        NOT NULL,
    capacity_kpus  integer     NOT NULL,
    used_kpus      integer     NOT NULL,
    started_at     timestamptz NOT NULL DEFAULT now(),
    heartbeat_at   timestamptz NOT NULL DEFAULT now()
);

-- Folders of the object store that nothing needs any more; a worker removes them.
CREATE TABLE garbage (
    id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY
        CONSTRAINT garbage_pkey PRIMARY KEY,
    folder     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
