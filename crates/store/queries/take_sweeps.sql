-- Takes applications whose checkpoint folders are to be looked at; $1 = how many at most, $2 = ms
-- between two looks at one that runs. What an attempt left behind can be told from what is needed
-- once a later one has made a checkpoint's output visible.
WITH due AS (
    SELECT a.id, reached.attempt
      FROM applications a
     CROSS JOIN LATERAL (SELECT coalesce(max(c.attempt), 0) AS attempt
                           FROM checkpoints c
                          WHERE c.application_id = a.id
                            AND c.committed_at IS NOT NULL) AS reached
     WHERE a.status <> 'DELETING'
       AND (a.swept_attempt < reached.attempt
            OR ((a.swept_at IS NULL OR a.swept_at < now() - $2 * interval '1 millisecond')
                AND EXISTS (SELECT FROM runs r
                             WHERE r.application_id = a.id AND r.ended_at IS NULL)))
     ORDER BY a.swept_at NULLS FIRST
     LIMIT $1
       FOR NO KEY UPDATE OF a SKIP LOCKED
)
UPDATE applications a
   SET swept_at = now(), swept_attempt = greatest(a.swept_attempt, due.attempt)
  FROM due
 WHERE a.id = due.id
RETURNING a.id, a.name
