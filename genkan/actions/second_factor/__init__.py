"""Actions with second factors: ask for one, check a code, enrol, turn off."""
