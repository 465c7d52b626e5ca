"""Second factors: codes of an authenticator app, recovery codes, trusted devices, and the sign-in that waits for one."""
