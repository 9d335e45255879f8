"""The command line: `overflight assess`, `demo`, `check`, `winds get`, `winds info`, `new`, `version`.

::

    arguments ─► command ─► pipeline, winds ─► results on stdout, progress and messages on stderr ─► exit code

Nothing heavy is imported before a command needs it, so that help comes at once.
"""

from overflight.cli.app import app, main

__all__ = ["app", "main"]
