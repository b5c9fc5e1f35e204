-- Why: a run has a parallelism of its own, which the service may change without a new version.

ALTER TABLE runs ADD COLUMN parallelism integer;
UPDATE runs r
   SET parallelism = coalesce((v.configuration #>> '{flink,parallelism,parallelism}')::integer, 1),
       successor = CASE WHEN r.successor IS NULL THEN NULL ELSE
           jsonb_set(r.successor, '{parallelism}',
                     coalesce((SELECT n.configuration #> '{flink,parallelism,parallelism}'
                                 FROM application_versions n
                                WHERE n.application_id = r.application_id
                                  AND n.version = (r.successor ->> 'version')::bigint),
                              '1')) END
  FROM application_versions v
 WHERE v.application_id = r.application_id AND v.version = r.version;
ALTER TABLE runs ALTER COLUMN parallelism SET NOT NULL;
