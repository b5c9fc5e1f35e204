-- Why: who may do what is decided by keys, and who did what is kept, also of what is gone.

CREATE TABLE access_keys (
    id           text        NOT NULL CONSTRAINT access_keys_pkey PRIMARY KEY,
    -- 'api' (bearer) or 'access' (SigV4).
    kind         text        NOT NULL,
    name         text        NOT NULL,
    role         text        NOT NULL,
    -- Of an api key: SHA-256 of the whole key.
    hash         bytea       CONSTRAINT access_keys_hash_key UNIQUE,
    -- Of an access key: its secret, encrypted, and the id of the master key that it is encrypted with.
    sealed       bytea,
    sealed_with  text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    CONSTRAINT access_keys_kind_check CHECK (
        (kind = 'api' AND hash IS NOT NULL AND sealed IS NULL AND sealed_with IS NULL)
        OR (kind = 'access' AND hash IS NULL AND sealed IS NOT NULL AND sealed_with IS NOT NULL))
);

-- Without a foreign key: what was done to an application outlives it.
CREATE TABLE audit_log (
    id          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY
        CONSTRAINT audit_log_pkey PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    principal   text        NOT NULL,
    role        text        NOT NULL,
    door        text        NOT NULL,
    address     text,
    request_id  text        NOT NULL,
    action      text        NOT NULL,
    -- 'DONE' or 'DENIED'.
    outcome     text        NOT NULL,
    application text,
    before      jsonb       NOT NULL,
    after       jsonb       NOT NULL
);
CREATE INDEX audit_log_by_application ON audit_log (application, id);
