"""Encryption and signatures."""
