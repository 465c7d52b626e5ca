"""Delivery of the mails in the outbox, outside of requests."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import weakref
from contextlib import suppress
from time import monotonic

from genkan.adapters.addresses import Outbox, OutgoingMail
from genkan.crypto.sealer import Clock, TextSealer
from genkan.email.message import Mail, SendMail
from genkan.errors import AdapterError, TokenError, UndeliverableMail

LEASE = 45
"""Seconds that one worker has for a mail. Later another one takes it, because the first may have ended."""

IDLE = 10
"""Seconds between two looks into an outbox without mails that are due, for those of workers that ended."""

MAX_DELAY = 15
"""Seconds to the next attempt at most, so that with IDLE a mail is sent within 30 seconds after the server is back."""

START_DELAY = 1
"""Seconds until the thread looks into the outbox, unless a mail is added: a process that only checks the settings ends
first."""

SLOW = 2
"""Seconds. After a failure that took longer, the other mails wait, too."""

EXIT_TIMEOUT = 5
"""Seconds that the end of the process waits for a mail that is being sent. It is sent again if that is too short."""

SALT = "genkan.outbox"

_log = logging.getLogger("genkan.email")


class OutboxSender:
    """Delivers the mails of an outbox from a thread of this process, which starts with the first mail.

    A mail may be sent twice if the process ends or the database fails at the wrong moment.
    """

    def __init__(self, outbox: Outbox, send_mail: SendMail, secrets: tuple[str, ...], clock: Clock) -> None:
        self._outbox = outbox
        self._send_mail = send_mail
        self._sealer = TextSealer(secrets, SALT)
        self._clock = clock
        self._thread: _SenderThread | None = None
        self._leaves_mails = False

    def create(
        self, mail: Mail, *, expires: int, identifier: str | None = None, token_hash: str | None = None
    ) -> OutgoingMail:
        """Return the mail for the outbox, encrypted, with the verification that is deleted if it can't be delivered."""
        fields = {"to": mail.to, "subject": mail.subject, "text": mail.text, "html": mail.html}
        return OutgoingMail(
            id=secrets.token_urlsafe(16),
            body=self._sealer.seal(json.dumps(fields)),
            expires=expires,
            identifier=identifier,
            token_hash=token_hash,
        )

    def start(self) -> None:
        """Let the thread run, also in a process that was forked since. It begins with mails of workers that ended."""
        thread = self._thread
        if not self._leaves_mails and (thread is None or not thread.is_running):
            self._thread = thread = _SenderThread(self)
            thread.start()

    def wake(self) -> None:
        """Let the thread deliver a mail that was added."""
        self.start()
        if self._thread is not None:
            self._thread.woken.set()

    def stop(self) -> None:
        """Leave the mails to other processes from now on. Wait at most EXIT_TIMEOUT seconds for one that is being sent."""
        self._leaves_mails = True
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    def send_now(self) -> int:
        """Deliver all mails that are due, in this thread, and return how many were delivered. Raises AdapterError."""
        sent = 0
        while (mail := self._outbox.claim(LEASE)) is not None:
            sent += self._deliver(mail)
        return sent

    def send_due(self) -> int:
        """Deliver the mails that are due, and return the seconds to wait. Raises AdapterError.

        Ends early if a failure took long, because the server may not answer at all.
        """
        wait = IDLE
        while (mail := self._outbox.claim(LEASE)) is not None:
            started = monotonic()
            if not self._deliver(mail):
                # One second more: the outbox counts whole seconds.
                wait = min(wait, _delay(mail.attempts) + 1)
                if monotonic() - started > SLOW:
                    break
        return wait

    def _deliver(self, mail: OutgoingMail) -> bool:
        """Deliver the mail and return True. False if that may succeed later."""
        try:
            opened = Mail(**json.loads(self._sealer.open(mail.body)))
            if opened.to:
                # Without a recipient it was stored only so that every request takes the same time.
                self._send_mail(opened)
        except (UndeliverableMail, TokenError) as error:
            self._give_up(mail, error)
        except Exception as error:  # noqa: BLE001 (of the application's own function)
            return self._try_again_later(mail, error)
        else:
            self._outbox.delivered(mail.id)
            if opened.to:
                _log.info("mail sent", extra={"event": "mail-sent", "mail": mail.id, "attempts": mail.attempts})
        return True

    def _give_up(self, mail: OutgoingMail, error: Exception) -> None:
        self._outbox.failed(mail.id)
        # Only the name of the error: its text may contain the address.
        extra = {"event": "mail-failed", "mail": mail.id, "attempts": mail.attempts, "error": type(error).__name__}
        _log.warning("mail can't be delivered: %s", type(error).__name__, extra=extra)

    def _try_again_later(self, mail: OutgoingMail, error: Exception) -> bool:
        delay = _delay(mail.attempts)
        if self._clock() + delay >= mail.expires:
            self._give_up(mail, error)
            return False
        self._outbox.retry(mail.id, delay)
        extra = {"event": "mail-delayed", "mail": mail.id, "attempts": mail.attempts, "error": type(error).__name__}
        _log.warning("mail could not be delivered yet: %s", type(error).__name__, extra=extra)
        return False


class _SenderThread:
    """Thread of one process. It ends with its sender, with the process, or when another one has taken its place."""

    def __init__(self, sender: OutboxSender) -> None:
        self.woken = threading.Event()
        self._ended = False
        self._pid = os.getpid()
        self._sender = weakref.ref(sender)
        self._thread = threading.Thread(target=self._run, name="genkan-outbox", daemon=True)
        weakref.finalize(sender, self.stop)

    @property
    def is_running(self) -> bool:
        """False also in a process that was forked since, because no thread is copied."""
        return self._pid == os.getpid() and self._thread.is_alive() and not self._ended

    def start(self) -> None:
        # Fails while the interpreter exits. The mail waits in the outbox for another worker.
        with suppress(RuntimeError):
            self._thread.start()

    def stop(self) -> None:
        self._ended = True
        if self._pid == os.getpid():
            self.woken.set()
            if self._thread.is_alive() and self._thread is not threading.current_thread():
                self._thread.join(EXIT_TIMEOUT)

    def _run(self) -> None:
        self.woken.wait(START_DELAY)
        self.woken.clear()
        while (seconds := self._pass()) is not None:
            self.woken.wait(seconds)
            self.woken.clear()

    def _pass(self) -> int | None:
        """Send what is due, and return the seconds to wait. None to end."""
        sender = self._sender()
        if sender is None or self._ended or sender._thread is not self:  # noqa: SLF001 (one part in two classes)
            return None
        try:
            return sender.send_due()
        except AdapterError as error:
            extra = {"event": "outbox-unavailable", "error": type(error).__name__}
            _log.warning("outbox can't be used: %s", type(error).__name__, extra=extra)
            return IDLE


def _delay(attempts: int) -> int:
    """Return 1, 2, 4, 8 or 15 seconds for a first attempt, and so on."""
    return min(2 ** max(attempts - 1, 0), MAX_DELAY) if attempts < 10 else MAX_DELAY
