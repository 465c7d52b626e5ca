"""What a user does with a mail: ask for a link, use it or its code, change the address."""
