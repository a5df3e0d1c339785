"""A row of the claims ledger as a picture and in words."""
