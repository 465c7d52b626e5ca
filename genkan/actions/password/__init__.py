"""Actions with passwords: sign up, sign in, reset the password, change it."""
