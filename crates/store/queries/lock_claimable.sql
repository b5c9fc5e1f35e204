-- The run that worker $1 may take next into its $2 free KPUs; $3 = after how many ms a run is
-- waited for, $4 = after how many ms of silence a worker is not counted on.
-- A run too large for what is free anywhere would wait forever behind small ones. After a while the
-- worker that can make room soonest is kept for it: applications that are just being started and
-- came later do not get that worker. What ran already is not held up and comes first: its room was
-- its own until just now.
WITH waiting AS (
    SELECT id, kpus, next_attempt_at
      FROM runs
     WHERE ended_at IS NULL
       AND desired IN ('RUN', 'COMMIT_AND_STOP')
       AND (claimed_by IS NULL OR lease_until <= now())
       AND next_attempt_at <= now() - $3 * interval '1 millisecond'
), room AS (
    SELECT w.id, w.capacity_kpus,
           w.capacity_kpus - (SELECT coalesce(sum(r.kpus), 0)
                                FROM runs r
                               WHERE r.claimed_by = w.id AND r.ended_at IS NULL) AS free
      FROM workers w
     WHERE w.heartbeat_at > now() - $4 * interval '1 millisecond'
), large AS (
    SELECT id, kpus, next_attempt_at
      FROM waiting
     WHERE NOT EXISTS (SELECT FROM room WHERE room.free >= waiting.kpus)
       AND EXISTS (SELECT FROM room WHERE room.capacity_kpus >= waiting.kpus)
     ORDER BY next_attempt_at
     LIMIT 1
), kept AS (
    SELECT room.id, large.next_attempt_at
      FROM room, large
     WHERE room.capacity_kpus >= large.kpus
     ORDER BY room.free DESC, room.id
     LIMIT 1
)
SELECT r.id, a.name
  FROM runs r
  JOIN applications a ON a.id = r.application_id
 WHERE r.ended_at IS NULL
   AND r.desired IN ('RUN', 'COMMIT_AND_STOP')
   AND (r.claimed_by IS NULL OR r.lease_until <= now())
   AND r.next_attempt_at <= now()
   AND r.kpus <= $2
   AND (a.status <> 'STARTING' OR r.attempt > 0
        OR NOT EXISTS (SELECT FROM kept
                        WHERE kept.id = $1 AND kept.next_attempt_at < r.next_attempt_at))
 ORDER BY (a.status = 'STARTING' AND r.attempt = 0), r.next_attempt_at
 LIMIT 1
   FOR NO KEY UPDATE OF a, r SKIP LOCKED
