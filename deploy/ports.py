"""Check that HOST and PORT can be used, before anything is written to disk."""

from __future__ import annotations

import errno
import os
import socket

from genkan.errors import ConfigurationError
from genkan.settings.environment import Settings


def require_free_port(settings: Settings, command: str) -> None:
    """Raise ConfigurationError if HOST cannot be bound or PORT is in use. `command` is the make target to try again."""
    try:
        # The servers choose the family in the same way: a host name means IPv4, also if it has an IPv6 address.
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        socket.getaddrinfo(settings.host, settings.port, family, socket.SOCK_STREAM)
        socket.create_server((settings.host, settings.port), family=family).close()
    except (socket.gaierror, UnicodeError):
        raise ConfigurationError("HOST: there is no such address. Use 127.0.0.1, or 0.0.0.0 for all of them.") from None
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise ConfigurationError(
                f"HOST: this machine can't listen there ({os.strerror(error.errno or 0)}). Use one of its own addresses, "
                "127.0.0.1, or 0.0.0.0 for all of them."
            ) from error
        other = settings.port + 1 if 1024 <= settings.port < 65535 else 8000
        message = f"PORT: {settings.port} cannot be used ({os.strerror(error.errno)}). Try another: PORT={other} make {command}"
        raise ConfigurationError(message) from error
