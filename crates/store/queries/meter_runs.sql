-- Counts what the runs $1 took since they were counted last, by application and day (UTC).
-- A run takes its KPUs from its claim until it is released or ends, or until its worker's lease
-- ends. `metered_until` moves in the same transaction, so nothing is counted twice or left out.
WITH held AS (
    SELECT id, application_id, kpus, metered_until AS since, least(now(), lease_until) AS upto
      FROM runs
     WHERE id = ANY ($1)
       AND ended_at IS NULL
       AND claimed_by IS NOT NULL
       AND metered_until < least(now(), lease_until)
       FOR NO KEY UPDATE
), counted AS (
    UPDATE runs r SET metered_until = h.upto FROM held h WHERE r.id = h.id
), parts AS (
    SELECT h.application_id, d::date AS day,
           sum(h.kpus * extract(epoch FROM
                   least(h.upto, (d + interval '1 day') AT TIME ZONE 'UTC')
                   - greatest(h.since, d AT TIME ZONE 'UTC'))) AS kpu_seconds
      FROM held h
     CROSS JOIN LATERAL generate_series((h.since AT TIME ZONE 'UTC')::date::timestamp,
                                        h.upto AT TIME ZONE 'UTC', interval '1 day') AS d
     GROUP BY h.application_id, d
)
INSERT INTO usage AS u (application_id, day, name, kpu_seconds)
SELECT p.application_id, p.day, a.name, p.kpu_seconds
  FROM parts p
  JOIN applications a ON a.id = p.application_id
 WHERE p.kpu_seconds > 0
 ORDER BY p.day, p.application_id
    ON CONFLICT ON CONSTRAINT usage_pkey DO UPDATE
   SET kpu_seconds = u.kpu_seconds + excluded.kpu_seconds, name = excluded.name
