"""What happens at each door: a neutral request and the options in, a neutral reply out."""
