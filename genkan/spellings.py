"""Spellings of one email address: its domain in ASCII, in which Genkan stores it, and in Unicode."""

from __future__ import annotations


def ascii_form(address: str) -> str | None:
    """Return the address with its domain in the ASCII form of IDNA 2008, in lower case. None if no mail can be sent to
    it."""
    # Imported here, because few applications need the library.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        # Without a question to the DNS, which would take seconds in a request. Names below .test are allowed.
        found = validate_email(address, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        return None
    return (found.ascii_email or "").lower() or None


def with_ascii_domain(address: str) -> str:
    """Return the address with an internationalised domain in its ASCII form, or as it is if there is none."""
    local, _, domain = address.partition("@")
    # The library refuses more, such as names without a dot. The part before the @ is not its matter.
    converted = None if domain.isascii() else ascii_form(f"a@{domain}")
    return address if converted is None else f"{local}{converted[1:]}"


def email_spellings(email: str) -> tuple[str, ...]:
    """Return the address in lower case and, if its domain has an ASCII form, the one with the domain in Unicode after it.

    Genkan stores the former. Other applications may have stored the latter. It counts only if it has that ASCII form:
    `xn--example-` decodes to another domain, and other labels to what no database can store.
    """
    address = email.lower()
    local, _, domain = address.partition("@")
    try:
        decoded = ".".join(map(_unicode_label, domain.split(".")))
    except UnicodeError:
        return (address,)
    if decoded == domain or with_ascii_domain(f"{local}@{decoded}") != address:
        return (address,)
    return address, f"{local}@{decoded}"


def _unicode_label(label: str) -> str:
    return label[4:].encode().decode("punycode") if label.startswith("xn--") else label
