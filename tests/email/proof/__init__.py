"""Tests of attacks on sign-in by mail and by password."""
