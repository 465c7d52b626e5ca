"""Command that signs in at the development provider as a browser does: `sign-in ORIGIN NAME [FILE OF COOKIES]`."""

from __future__ import annotations

import sys
from http.cookiejar import MozillaCookieJar

from tests.servers.server import ServerClient

if __name__ == "__main__":
    origin, name, *jars = sys.argv[1:]
    with ServerClient(origin) as client:
        client.headers["Connection"] = "keep-alive"  # as every browser does, which the development provider checks
        client.sign_in_as(name)
        if client.name() != name:
            sys.exit(f"signed in as {client.name()}, not as {name}")
        for path in jars:
            jar = MozillaCookieJar(path)
            for cookie in client.cookies:
                jar.set_cookie(cookie)
            jar.save(ignore_discard=True)
