"""What is encrypted with age: values, files, and what SOPS has written, opened and made.

The only package that imports `pyrage`, where it is first needed. `recipients.py` is whom something is for,
`identities.py` who opens it, `sealing.py` does both, and `opening.py` once a ciphertext; `header.py` reads it;
`sops/` is the format of SOPS. Nothing here reads a file: what is secret comes in and goes out as a value, and none is
part of an error.
"""
