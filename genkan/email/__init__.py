"""Sign-in by mail: addresses, links and codes, and mails in the outbox."""
