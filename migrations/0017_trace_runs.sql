-- A request that asks for a run is followed into its job process: its place in a trace (W3C's
-- traceparent) is kept with the run.
ALTER TABLE runs
    ADD COLUMN traceparent text
    CONSTRAINT runs_traceparent_form CHECK (traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
