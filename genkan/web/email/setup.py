"""Add sign-in by mail and by password to a core, if the settings turn them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import render_template

from genkan.adapters.stores import Stores
from genkan.core import Core
from genkan.errors import ConfigurationError
from genkan.settings.environment import Settings

if TYPE_CHECKING:
    from genkan.adapters.addresses import AddressStores
    from genkan.email.mailbox import Mailbox
    from genkan.email.message import SendMail
    from genkan.password.parts import PasswordSignIn


def with_email_and_passwords(
    core: Core,
    settings: Settings,
    stores: Stores,
    send_mail: SendMail | None,
    fields: tuple[str, str] = ("email", "password"),
) -> Core:
    """Return the core with what the settings turn on. Raises ConfigurationError if something is missing for it.

    `fields` are the names of the fields of a sign-in by password.
    """
    mailbox = None
    if send_mail is None and settings.email_server is None:
        if settings.development_provider and stores.local is not None and not core.json_only:
            mailbox = _mailbox(core, settings)
        elif settings.passwords:
            raise ConfigurationError(
                "AUTH_PASSWORDS is on, but no mail can be sent, which a sign-up and a forgotten password need. Set "
                "AUTH_EMAIL_SERVER as well."
            )
        else:
            return core
    local = _require_stores(core, stores, "AUTH_EMAIL_SERVER" if send_mail is None else "Genkan(send_mail=…)")
    core = _with_email(core, settings, local, send_mail, mailbox)
    return replace(core, passwords=_passwords(settings, local, fields)) if settings.passwords else core


def _require_stores(core: Core, stores: Stores, setting: str) -> AddressStores:
    if stores.local is None:
        raise ConfigurationError(
            f"{setting}: sign-in by mail and by password needs a database of Genkan or of the application. Remove it."
        )
    if core.json_only:
        raise ConfigurationError(
            f"{setting}: sign-in by mail and by password needs pages, and Genkan(pages=False) has none. Remove one."
        )
    return stores.local


def _mailbox(core: Core, settings: Settings) -> Mailbox:
    from genkan.email.mailbox import Mailbox  # noqa: PLC0415 (as below)

    return Mailbox(core.clock, admits_private_peers=settings.admits_private_peers)


def _with_email(
    core: Core, settings: Settings, local: AddressStores, send_mail: SendMail | None, mailbox: Mailbox | None
) -> Core:
    # Imported here, because an application without sign-in by mail needs none of it.
    from genkan.email.checks import EmailChecks  # noqa: PLC0415
    from genkan.email.limits import MailLimits  # noqa: PLC0415
    from genkan.email.mailer import Mailer  # noqa: PLC0415
    from genkan.email.outbox import OutboxSender  # noqa: PLC0415
    from genkan.email.parts import EmailSignIn  # noqa: PLC0415
    from genkan.email.smtp import SMTPTransport  # noqa: PLC0415
    from genkan.http.known_browsers import KnownBrowsers  # noqa: PLC0415

    deliver = send_mail or mailbox
    if deliver is None:
        if settings.email_server is None or settings.email_from is None:
            raise ConfigurationError("AUTH_EMAIL_SERVER: it is not set. Set it, and AUTH_EMAIL_FROM with it.")
        deliver = SMTPTransport(settings.email_server, settings.email_from, ca_bundle=settings.ca_bundle)
    sender = OutboxSender(local.outbox, deliver, settings.secrets, core.clock)
    # The mailbox of development has a mail before the response is sent. Mails for a server are sent by a thread.
    send = sender.send_now if mailbox is not None else sender.wake
    names = core.cookie_names
    email = EmailSignIn(
        checks=EmailChecks.of(settings.secrets, cookie_name=names.email, secure=core.secure, clock=core.clock),
        stores=local,
        mailer=Mailer(local.verifications, sender, send, _render, core.clock),
        limits=MailLimits(local.limits),
        known=KnownBrowsers(settings.secrets),
        mailbox=mailbox,
    )
    if mailbox is None:
        # Mails that a worker before has left are sent without a request that adds one.
        sender.start()
    return replace(core, email=email)


def _passwords(settings: Settings, local: AddressStores, fields: tuple[str, str]) -> PasswordSignIn:
    from genkan.http.known_browsers import KnownBrowsers  # noqa: PLC0415
    from genkan.password.hasher import PasswordHasher  # noqa: PLC0415 (as above)
    from genkan.password.parts import Fields, PasswordSignIn  # noqa: PLC0415
    from genkan.password.policy import PasswordPolicy  # noqa: PLC0415
    from genkan.password.throttle import PasswordThrottle  # noqa: PLC0415

    return PasswordSignIn(
        store=local.addresses,
        hasher=PasswordHasher(),
        policy=PasswordPolicy(settings.password_min),
        throttle=PasswordThrottle(local.limits),
        known=KnownBrowsers(settings.secrets),
        fields=Fields(*fields),
    )


def _render(template: str, context: Mapping[str, object]) -> str:
    return render_template(template, **context)
