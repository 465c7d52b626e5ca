"""Cookie jar for tests of actions without an application."""

from __future__ import annotations

from genkan.http.messages import Cookie


class CookieJar:
    """Names and values of cookies. Expiry times are ignored."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def store(self, cookies: tuple[Cookie, ...]) -> tuple[Cookie, ...]:
        """Set and delete the cookies in order, and return them."""
        for cookie in cookies:
            if cookie.max_age == 0:
                self.values.pop(cookie.name, None)
            else:
                self.values[cookie.name] = cookie.value
        return cookies

    @property
    def header(self) -> str:
        """Return the Cookie header of the next request."""
        return "; ".join(f"{name}={value}" for name, value in self.values.items())
