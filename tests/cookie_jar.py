"""What a browser keeps of the cookies an action sets, and sends back."""

from __future__ import annotations

from genkan.http.cookies import Cookie


class CookieJar:
    """Names and values; an expiry is the server's business."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def take(self, cookies: tuple[Cookie, ...]) -> tuple[Cookie, ...]:
        """Set and delete as told, in order; the cookies come back for a closer look."""
        for cookie in cookies:
            if cookie.max_age == 0:
                self.values.pop(cookie.name, None)
            else:
                self.values[cookie.name] = cookie.value
        return cookies

    @property
    def header(self) -> str:
        """The Cookie header of the next request."""
        return "; ".join(f"{name}={value}" for name, value in self.values.items())
