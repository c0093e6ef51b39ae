"""Accounts of staff and operators: sign-in, two-factor authentication, invitations and password links."""
