"""What can go wrong at the command line."""


class PluginError(Exception):
    """The command cannot be carried out; the message says what was given and what to do."""


class NotFound(PluginError):
    """There is no such object."""
