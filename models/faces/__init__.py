"""Faces: where they are in a picture, and which square of it is judged (preprocessing, version 2).

:class:`models.faces.detect.FaceDetector` finds them, :mod:`models.faces.crop` cuts them out.
"""
