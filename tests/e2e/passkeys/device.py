"""Virtual authenticator of Chromium: a device of the user that makes passkeys, and belongs to one tab."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page


class Device:
    """A device whose user is verified without a question."""

    def __init__(self, page: Page, **properties: bool) -> None:
        self._cdp = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
            "defaultBackupEligibility": True,
            "defaultBackupState": True,
            **properties,
        }
        self._id = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def passkeys(self) -> list[dict[str, Any]]:
        """Return the passkeys of the device."""
        found: list[dict[str, Any]] = self._send("getCredentials")["credentials"]
        return found

    def copy_to(self, other: Device) -> None:
        """Give the passkeys to another device, as a password manager does."""
        for passkey in self.passkeys():
            other._send("addCredential", credential=passkey)

    def verify_user(self, is_verified: bool) -> None:
        """Set if the device recognizes its user."""
        self._send("setUserVerified", isUserVerified=is_verified)

    def answer(self, is_present: bool) -> None:
        """Set if the user answers the questions of the device."""
        self._send("setAutomaticPresenceSimulation", enabled=is_present)

    def _send(self, command: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._cdp.send(f"WebAuthn.{command}", {"authenticatorId": self._id, **parameters})
        return answer
