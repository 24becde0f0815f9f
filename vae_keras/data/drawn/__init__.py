"""Faces that the program draws itself, from named factors: `faces` has the factors, `face_parts` draws the parts.

`canvas` has the shapes, colours and the turned head that `face_parts` draws with.
"""
