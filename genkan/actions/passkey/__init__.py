"""Actions with passkeys: options for the browser, add a passkey, sign in, rename and remove."""
