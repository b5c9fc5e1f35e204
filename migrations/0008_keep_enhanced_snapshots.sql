-- Why: snapshots that belong to the account and outlive their applications, and what is done to them.

CREATE TABLE enhanced_snapshots (
    name                   text        NOT NULL CONSTRAINT enhanced_snapshots_pkey PRIMARY KEY,
    -- Keeps its objects apart from those of an earlier one of the same name.
    id                     uuid        NOT NULL,
    ordinal                bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    status                 text        NOT NULL,
    description            text,
    -- The kind of operation that made it.
    made_by                text        NOT NULL,
    -- What it was taken of; that application may be gone. An imported one has only a runtime.
    application_id         uuid,
    application            text,
    application_created_at timestamptz,
    version                bigint,
    runtime                text,
    -- Where it was imported from.
    imported_from          jsonb,
    -- The checkpoint that is copied, once it is recorded.
    checkpoint             bigint,
    source_manifest        text,
    -- The copy, once READY.
    manifest               text,
    state_bytes            bigint,
    created_at             timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX enhanced_snapshots_by_time ON enhanced_snapshots (ordinal);
-- A customer has one at a time taken of an application.
CREATE UNIQUE INDEX enhanced_snapshots_one_creating ON enhanced_snapshots (application_id)
    WHERE status = 'CREATING' AND made_by = 'CreateSnapshot';

CREATE TABLE enhanced_snapshot_tags (
    snapshot text NOT NULL
        CONSTRAINT enhanced_snapshot_tags_snapshot_fkey REFERENCES enhanced_snapshots
        ON DELETE CASCADE,
    key      text NOT NULL,
    value    text NOT NULL,
    CONSTRAINT enhanced_snapshot_tags_pkey PRIMARY KEY (snapshot, key)
);

-- Kept for a while after the snapshot is gone; so no foreign key.
CREATE TABLE snapshot_operations (
    id                    text        NOT NULL CONSTRAINT snapshot_operations_pkey PRIMARY KEY,
    ordinal               bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    snapshot              text        NOT NULL,
    kind                  text        NOT NULL,
    status                text        NOT NULL,
    -- Where an export goes, or an import comes from.
    location              jsonb,
    application           text,
    application_operation text,
    -- The worker that copies, until when nobody else may, and how often it was begun.
    claimed_by            uuid,
    lease_until           timestamptz,
    attempt               bigint      NOT NULL DEFAULT 0,
    failure_code          text,
    failure               text,
    started_at            timestamptz NOT NULL DEFAULT now(),
    ended_at              timestamptz
);
CREATE INDEX snapshot_operations_by_snapshot ON snapshot_operations (snapshot, ordinal);
CREATE INDEX snapshot_operations_in_progress ON snapshot_operations (ordinal)
    WHERE status = 'IN_PROGRESS';
CREATE UNIQUE INDEX snapshot_operations_one_export ON snapshot_operations (snapshot)
    WHERE status = 'IN_PROGRESS' AND kind = 'ExportSnapshot';
