-- Why: a line of log names the application version that wrote it, and has the traceback of a failure.

ALTER TABLE log_lines
    ADD COLUMN version   bigint,
    ADD COLUMN throwable text;
