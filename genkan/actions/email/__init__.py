"""Actions with mails: ask for a link, use it or its code, change the address."""
