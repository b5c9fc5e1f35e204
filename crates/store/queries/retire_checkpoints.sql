-- Forgets old checkpoints; $1 = how many of the newest of each application stay.
-- A checkpoint also stays while a snapshot is made of it, while a run that has not ended
-- started from it (its next attempt may have nothing newer), and until its output is visible.
WITH ranked AS (
    SELECT application_id, number,
           row_number() OVER (PARTITION BY application_id ORDER BY number DESC) AS place
      FROM checkpoints
), retired AS (
    DELETE FROM checkpoints c
     USING ranked k
     WHERE k.application_id = c.application_id
       AND k.number = c.number
       AND k.place > $1
       AND c.committed_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM snapshots s
                        WHERE s.application_id = c.application_id
                          AND s.checkpoint = c.number)
       AND NOT EXISTS (SELECT FROM runs r
                        WHERE r.application_id = c.application_id
                          AND r.ended_at IS NULL
                          AND coalesce((r.decision ->> 'checkpoint')::bigint,
                                       r.base_checkpoint) = c.number)
    RETURNING c.manifest
)
INSERT INTO garbage (folder)
SELECT regexp_replace(manifest, '/manifest\.json$', '')
  FROM retired
 WHERE manifest LIKE '%/manifest.json'
