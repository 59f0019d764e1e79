"""Films, by PyAV (extra ``[video]``), which carries FFmpeg's libraries.

``opener``: the kind of media. ``reading``: from a film to pictures. ``container``: a film in our hands, and nothing
else that it names. ``plan``: which times are looked at. ``frames``: what is shown at these times. ``decoding``: what a
decoder gives and loses. ``follow``: which faces of a burst are one.
"""
