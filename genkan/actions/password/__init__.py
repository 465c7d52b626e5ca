"""What a user does with a password: sign up, sign in, reset it, change it."""
