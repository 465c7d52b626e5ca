"""The actions of a user: sign in, link, update, sign out. They take a Core and an ActionRequest and import no Flask."""
