"""Whether we may listen where the settings say, found out before anything is changed on anybody's disk."""

from __future__ import annotations

import errno
import os
import socket

from genkan.errors import ConfigurationError
from genkan.settings.environment import Settings


def require_free_port(settings: Settings, command: str) -> None:
    """Raises ConfigurationError, with the remedy for `make COMMAND`, where HOST is not ours or PORT is taken."""
    try:
        # As both servers choose: a name is one of IPv4, also where it has addresses of both kinds.
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
        other = settings.port + 1 if 1024 <= settings.port < 65535 else 5000
        message = f"PORT: {settings.port} cannot be used ({os.strerror(error.errno)}). Try another: PORT={other} make {command}"
        raise ConfigurationError(message) from error
