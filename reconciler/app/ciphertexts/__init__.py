"""What a person does with ciphertexts in a directory of manifests: for whom, anew, and in an editor.

`recipient_files.py` finds and changes who they are for, `rotating.py` encrypts all below a path anew, `editing.py` is a
file with what it holds in place of the ciphertexts, in a directory that `private_place.py` has nobody else look into.
"""
