"""A Weir of its own: `weir dev` in a temporary folder, on free ports, and beside it an API server that asks for keys."""

import base64
import glob
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

ADDRESS = re.compile(r"^  (API|Kafka|S3|Postgres) +(\S+)")


class Weir:
    """Runs while it is entered; its log is shown when it does not start."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-aws-")
        command = [os.environ["WEIR"], "dev", "--data-dir", os.path.join(self.folder.name, "dev")]
        command += ["--api-port", "0", "--kafka-port", "0", "--s3-port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.api = None
        self.addresses = {}
        self.ready = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        if not self.ready.wait(60):
            self.__exit__()
            raise RuntimeError("weir dev does not start:\n" + "".join(self.lines))
        try:
            self._serve_with_keys()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _serve_with_keys(self):
        environment = {
            **os.environ,
            "DATABASE_URL": self.addresses["Postgres"],
            "WEIR_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
            "AWS_ENDPOINT_URL_S3": self.addresses["S3"],
            "AWS_ACCESS_KEY_ID": "weir",
            "AWS_SECRET_ACCESS_KEY": "weir-development",
            "WEIR_LISTEN": "127.0.0.1:0",
        }
        create = ["key", "create", "--name", "tests", "--role", "admin", "--kind", "access"]
        told = subprocess.run([os.environ["WEIR"], *create], env=environment, capture_output=True, text=True)
        said = told.stdout + told.stderr
        found = re.search(r"ACCESS_KEY_ID=(\S+)\s+.*SECRET_ACCESS_KEY=(\S+)", said)
        if told.returncode != 0 or not found:
            raise RuntimeError("weir key create: " + said)
        self.key = found.groups()
        log = open(os.path.join(self.folder.name, "api.log"), "w+")
        self.api = subprocess.Popen([os.environ["WEIR"], "api"], env=environment, stderr=log)

        def listening():
            with open(log.name) as text:
                return re.search(r"API listens on (http://\S+)", text.read())

        self.url = until("the API server", listening)[1]

    def _listen(self):
        for line in self.process.stderr:
            self.lines.append(line)
            found = ADDRESS.match(line)
            if found:
                self.addresses[found[1]] = found[2]
            if line.startswith("Ctrl-C"):
                self.ready.set()

    def __exit__(self, *_):
        if self.api:
            self.api.send_signal(signal.SIGTERM)
            self.api.wait(60)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.folder.cleanup()

    def sql(self, statement):
        """Changes the database behind the service's back, where the way over the API would take too long."""
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, self.addresses["Postgres"]]
        told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": psql_path()})
        if told.returncode != 0:
            raise RuntimeError(told.stderr)

    @property
    def kafka(self):
        return self.addresses["Kafka"]


def psql_path():
    """PATH with the folders that hold Postgres' programs."""
    return os.pathsep.join([os.environ["PATH"], *glob.glob("/usr/lib/postgresql/*/bin")])


def until(what, look, seconds=60):
    """Looks again and again until there is something, and gives it."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("{} did not come within {} s".format(what, seconds))
        time.sleep(0.1)
